// The report as JSON, read back.
#include <spat/report/json_report.hpp>

#include <nlohmann/json.hpp>

#include <tests/report/example.hpp>
#include <tests/support/catch.hpp>

namespace json_report_tests {

using namespace spat;
using nlohmann::json;

TEST_CASE("each field of the report is in its JSON") {
  const json j = json::parse(to_json(full_report()));
  CHECK(j["seed"] == 7);
  CHECK(j["command"] == "spat run --seed 7");
  CHECK(j["run"] == "00ff");
  CHECK(j["model"] == "iTransformer");
  CHECK(j["data"] == "ETTh1");
  CHECK(j["criterion"] == "SEND, signed sum");
  CHECK(j["budget"] == "MACs -35 %");
  CHECK(j["schedule"] == "one-shot");
  CHECK(j["dense"] == json::parse(R"({"mse": 0.40, "mae": 0.41, "parameters": 1000, "macs": 20000,
                                      "latency_ms": {"median": 2.0, "p10": 1.9, "p90": 2.2, "repetitions": 50}})"));
  CHECK((j["scaler"] == "the training part" && j["filled_share"] == 0.003));
  CHECK(j["naive"] == json::parse(R"({"season": 24, "mse": 0.45, "mae": 0.44})"));
  CHECK(j["dense_tuned"]["mse"] == 0.39);
  CHECK(j["pruned"]["latency_ms"]["median"] == 1.5);
  CHECK(j["pruned"]["before_fine_tuning"] == json::parse(R"({"mse": 0.44, "mae": 0.43})"));
  CHECK(j["reference"] == json::parse(R"({"model": "dense_tuned", "validation_loss_dense": 0.52,
                        "validation_loss_dense_tuned": 0.51, "fine_tuning_epochs_dense_tuned": 5,
                        "fine_tuning_epochs_pruned": 6})"));
  CHECK(j["modules"] ==
        json::parse(
            R"([{"name": "layers.0", "score": 3e-6, "error": 1e-7, "kept": true, "removed": false},
              {"name": "layers.1", "score": 2e-6, "error": 2e-7, "kept": false, "removed": true},
              {"name": "layers.2", "score": null, "error": null, "kept": true, "removed": false}])"));
  CHECK(j["ties"] == json::parse(R"([{"modules": [0, 1], "probability": 0.61}])"));
  CHECK(j["out_of_order"] == json::parse(R"([{"removed": 1, "stayed": 0, "reason": "tie"},
                                             {"removed": 1, "stayed": 2, "reason": "guard"}])"));
  CHECK((j["scores_after_epoch"] == 7 && j["weights_of_epoch"] == 4));
  CHECK(j["dead_parts"] == json::parse(R"(["time marks"])"));
  CHECK(j["score_by_epoch"] == json::parse("[[4e-6, 3e-6, null], [3e-6, 2e-6, null]]"));
  CHECK(j["stability"] == json::parse("[1.0]"));
  CHECK(j["epochs"].size() == 3);
  CHECK(j["epochs"][1] ==
        json::parse(
            R"({"epoch": 2, "training_loss": 0.4, "validation_mse": 0.55, "fine_tuning": false,
                                          "dropped": [1]})"));
  CHECK(j["candidates"].size() == 4);
  CHECK(
      j["candidates"][1] ==
      json::parse(
          R"({"mask": "101", "loss": 0.51, "latency_ms": 1.5, "on_front": true, "chosen": true})"));
  CHECK(j["candidates"][2]["mask"] == "100");
  CHECK(j["candidates"][3]["latency_ms"].is_null());
  CHECK(
      j["forecasts"] ==
      json::parse(
          R"([{"channel": "OT", "history": [1.0, 2.0, 3.0], "truth": [4.0, 5.0], "reference": [4.0, 6.0],
                                           "pruned": [4.0, 4.0]}])"));
  CHECK(j["error_by_step"] == json::parse(R"({"reference": [0.3, 0.4], "pruned": [0.31, 0.39]})"));
  CHECK(j["zero_shot"] == json::parse(R"([{"name": "ETTh2", "reference": {"mse": 0.30, "mae": 0.35},
                                           "pruned": {"mse": 0.33, "mae": 0.35}}])"));
}

TEST_CASE("JSON names the reference, and has none where nothing was removed") {
  PruningReport report = full_report();
  report.reference.model = DenseModel::as_trained;
  CHECK(json::parse(to_json(report))["reference"]["model"] == "dense");
  report.dense_tuned.reset(), report.pruned_only.reset();
  report.reference = {.model = DenseModel::as_trained};
  json j = json::parse(to_json(report));
  CHECK(j["reference"]["validation_loss_dense_tuned"].is_null());
  CHECK(j["pruned"]["before_fine_tuning"].is_null());
  report.reference = {};
  CHECK(json::parse(to_json(report))["reference"].is_null());

  report.modules[1].before = false;  // removed by an earlier pruning
  j = json::parse(to_json(report));
  CHECK(j["pruned"].is_null());
  CHECK(j["reference"].is_null());
  CHECK((j["modules"][1]["kept"] == false && j["modules"][1]["removed"] == false));
}

TEST_CASE("an empty report is JSON, too, and so are names of any bytes") {
  const json empty = json::parse(to_json({}));
  CHECK(empty["pruned"].is_null());
  CHECK(empty["dense_tuned"].is_null());
  CHECK(empty["reference"].is_null());
  for (const char* list : {"modules", "ties", "out_of_order", "dead_parts", "score_by_epoch",
                           "stability", "epochs", "candidates", "forecasts", "zero_shot"})
    CHECK(empty[list] == json::array());
  PruningReport report;
  report.model = "a\xFF\"\n";
  report.dense.mse = std::nan("");
  CHECK(json::parse(to_json(report))["dense"]["mse"].is_null());
}

}  // namespace json_report_tests
