// spat compare: compares criteria by the errors of the masks that they choose, with equal
// fine-tuning; its options, table and file.
#include "compare.hpp"

#include <spat/io/atomic_file.hpp>
#include <spat/report/number_text.hpp>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <cstdio>
#include <set>

namespace tool {

namespace {

using Json = nlohmann::ordered_json;

Json json_of(const spat::Metrics& metrics) { return {{"mse", metrics.mse}, {"mae", metrics.mae}}; }
Json json_of(const std::vector<spat::Metrics>& all, const std::vector<std::string>& names) {
  Json json = Json::object();
  for (std::size_t i = 0; i < all.size(); ++i) json[names[i]] = json_of(all[i]);
  return json;
}
Json json_of(const std::vector<double>& numbers) {
  Json json = Json::array();
  for (const double number : numbers) json.push_back(std::isfinite(number) ? Json(number) : Json());
  return json;
}

/// The mask without the first k modules that a criterion removes. Of near ties it removes the
/// deeper module first.
spat::ModuleMask chosen(const Comparison& comparison, const ComparedCriterion& criterion,
                        std::size_t k) {
  const auto all = spat::ModuleMask::first(comparison.modules.size());
  return spat::choose(all, criterion.scores, spat::DropLowest{k}, comparison.guard,
                      criterion.errors);
}
std::size_t most_dropped(const Comparison& comparison) {
  return comparison.modules.size() - (comparison.guard.empty() ? 0 : 1);
}

const ComparedMask& row_of(const Comparison& comparison, spat::ModuleMask mask) {
  return *std::ranges::find(comparison.masks, mask, &ComparedMask::mask);
}

/// Whether the reference is the dense model after fine-tuning: the lower validation loss decides.
bool reference_is_tuned(const Comparison& comparison) {
  const ComparedMask& dense = comparison.masks.front();
  return dense.validation.mse < dense.removed_validation.mse;
}
/// The test error of the reference.
double reference(const Comparison& comparison) {
  const ComparedMask& dense = comparison.masks.front();
  return reference_is_tuned(comparison) ? dense.test.mse : dense.removed_test.mse;
}

double best_of_size(const Comparison& comparison, std::size_t kept) {
  double best = std::numeric_limits<double>::infinity();
  for (const ComparedMask& row : comparison.masks)
    if (row.mask.count() == kept) best = std::min(best, row.test.mse);
  return best;
}

std::string table_of(const Comparison& comparison) {
  using spat::padded;
  const std::size_t modules = comparison.modules.size(), most = most_dropped(comparison);
  const double dense = reference(comparison);
  const auto change = [](double share) { return spat::percent(share); };
  const ComparedMask& all = comparison.masks.front();
  char line[160];
  std::snprintf(line, sizeof line, "dense: test MSE %.4f, fine-tuned %.4f; %zu masks\n\n",
                all.removed_test.mse, all.test.mse, comparison.masks.size());
  std::string text(line);
  text.append(padded("criterion", 20, true));
  for (std::size_t k = 1; k <= most; ++k) text.append(padded(message("drop ", k), 18));
  text.append(padded("regret", 10)).append(padded("Spearman", 10)).append("\n");
  const auto loo =
      std::ranges::find(comparison.criteria, "leave_one_out", &ComparedCriterion::name);
  const auto append = [&](const std::string& name, auto&& mask_of,
                          const std::vector<double>* scores) {
    text.append(padded(name, 20, true));
    double regret = 0;
    std::size_t sizes = 0;
    for (std::size_t k = 1; k <= most; ++k) {
      const ComparedMask& row = mask_of(k);
      text.append(padded(
          message(spat::to_string(row.mask, modules), " ", change(row.test.mse / dense - 1)), 18));
      if (k < modules) {
        regret += row.test.mse / best_of_size(comparison, modules - k) - 1;
        ++sizes;
      }
    }
    text.append(padded(sizes ? change(regret / static_cast<double>(sizes)) : "-", 10));
    const double rho = scores ? spat::spearman(*scores, loo->scores) : std::nan("");
    text.append(padded(std::isfinite(rho) ? spat::fixed(rho, 2) : "-", 10)).append("\n");
  };
  for (const ComparedCriterion& criterion : comparison.criteria)
    append(
        criterion.name,
        [&](std::size_t k) -> const ComparedMask& {
          return row_of(comparison, chosen(comparison, criterion, k));
        },
        &criterion.scores);
  append(
      "best in hindsight",
      [&](std::size_t k) -> const ComparedMask& {
        const ComparedMask* best = nullptr;
        for (const ComparedMask& row : comparison.masks)
          if (row.mask.count() == modules - k && (!best || row.test.mse < best->test.mse))
            best = &row;
        return *best;
      },
      nullptr);
  return text.append("\nTest MSE after fine-tuning, relative to the reference: the dense model ")
      .append(reference_is_tuned(comparison) ? "after the same fine-tuning" : "as trained")
      .append(
          ", by validation MSE.\n"
          "Regret: relative to the best compared mask of the same size, mean over sizes. Spearman: "
          "with leave-one-out on validation.\n");
}

std::string json_of(const CompareOptions& o, const std::string& data, const std::string& model,
                    const Comparison& c) {
  Json json{{"command", o.command_line},
            {"data", data},
            {"model", model},
            {"seed", o.training.seed},
            {"modules", c.modules},
            {"epochs", c.epochs},
            {"seconds", c.training_seconds},
            {"reference", reference_is_tuned(c) ? "fine_tuned" : "removed"}};
  json["criteria"] = Json::array();
  for (const ComparedCriterion& one : c.criteria) {
    Json masks = Json::array();
    for (std::size_t k = 1; k <= most_dropped(c); ++k)
      masks.push_back(spat::to_string(chosen(c, one, k), c.modules.size()));
    json["criteria"].push_back({{"name", one.name},
                                {"scores", json_of(one.scores)},
                                {"errors", json_of(one.errors)},
                                {"masks", masks}});
  }
  const auto removed = [&](const ComparedMask& row) {
    Json errors{{"validation", json_of(row.removed_validation)}};
    if (row.removed_test.windows > 0) {
      errors["test"] = json_of(row.removed_test);
      errors["others"] = json_of(row.removed_others, c.others);
    }
    return errors;
  };
  json["masks"] = Json::array();
  for (const ComparedMask& row : c.masks)
    json["masks"].push_back(
        {{"mask", spat::to_string(row.mask, c.modules.size())},
         {"parameters", row.cost.parameters},
         {"macs", row.cost.macs},
         {"latency_ms", row.latency.repetitions ? Json(row.latency.median) : Json()},
         {"seconds", row.seconds},
         {"removed", removed(row)},
         {"fine_tuned",
          {{"validation", json_of(row.validation)},
           {"test", json_of(row.test)},
           {"others", json_of(row.others, c.others)}}}});
  return json.dump(1, ' ', false, Json::error_handler_t::replace).append("\n");
}

}  // namespace

std::vector<NamedCriterion> compared_criteria(std::uint64_t seed) {
  using spat::LossReduction, spat::SendVariant;
  std::vector<NamedCriterion> all;
  const auto add = [&](const char* name, const char* criterion, spat::CriterionOptions options) {
    options.seed = seed;
    all.push_back({name, spat::make_criterion<float>(criterion, options)});
  };
  add("send", "send", {});
  add("send_sum", "send", {.reduction = LossReduction::sum});
  add("send_absolute", "send", {.variant = SendVariant::absolute_mean});
  add("send_absolute_sum", "send",
      {.variant = SendVariant::absolute_mean, .reduction = LossReduction::sum});
  add("send_epoch", "send", {.dynamics = spat::SendDynamics::epoch});
  for (const std::string& name : spat::criterion_names())
    if (name != "send") add(name.c_str(), name.c_str(), {});
  return all;
}

std::vector<spat::ModuleMask> compared_masks(const Comparison& comparison, std::size_t most) {
  const std::size_t modules = comparison.modules.size();
  const auto all = spat::ModuleMask::first(modules);
  std::set<spat::ModuleMask> masks;
  if (modules < 32 && (std::uint64_t{1} << modules) <= most) {
    for (std::uint64_t i = 0; i < std::uint64_t{1} << modules; ++i)
      masks.insert(spat::subset(all, i));
  } else {
    for (const ComparedCriterion& criterion : comparison.criteria)
      for (std::size_t k = 1; k <= most_dropped(comparison); ++k)
        masks.insert(chosen(comparison, criterion, k));
  }
  std::vector<spat::ModuleMask> list{all};
  for (const spat::ModuleMask mask : masks)
    if (mask != all && spat::satisfies(mask, comparison.guard)) list.push_back(mask);
  return list;
}

void finish(const CompareOptions& o, const std::string& data, const std::string& model,
            const Comparison& comparison) {
  make_folder(o.out);
  spat::write_file(o.out + "/compare.json", json_of(o, data, model, comparison));
  std::printf("%s\nwritten: %s/compare.json\n", table_of(comparison).c_str(), o.out.c_str());
}

Command add_compare(CLI::App& app, const std::string& command_line) {
  struct All {
    CompareOptions compare;
    ModelOptions model;
    TrainOptions train;
    DataOptions data;
  };
  const auto all = std::make_shared<All>();
  CompareOptions& o = all->compare;
  o.command_line = command_line;
  CLI::App& command = *app.add_subcommand(
      "compare",
      "Train once, prune by every criterion with equal fine-tuning, and compare the criteria");
  all->data.season_counts = false;
  all->data.add_training_to(command);
  all->data.add_known_to(command);
  all->model.add_to(command);
  all->model.add_dropout_to(command);
  all->train.add_to(command);
  o.tune.add_to(command);
  command.add_option("--out", o.out, "Folder for compare.json")->capture_default_str();
  command
      .add_option("--test-data", o.test_data,
                  "Other series to test on (zero-shot): FILE or FILE:PROTOCOL")
      ->allow_extra_args(false);
  all->data.add_refit_to(command)->needs(command.get_option("--test-data"));
  command
      .add_option("--most-masks", o.most_masks,
                  "Fine-tune all masks if there are at most this many, otherwise those that a "
                  "criterion chooses")
      ->capture_default_str();
  command
      .add_option("--latency-seconds", o.latency_seconds,
                  "Seconds for which the latency of each mask is measured; 0: not at all")
      ->check(not_negative())
      ->capture_default_str();
  return [all, &command] {
    CompareOptions job = all->compare;
    expect_effects(command, all->train.effects());
    expect_effects(command, job.tune.effects());
    job.training = all->train.options();
    job.threads = all->train.threads;
    job.quiet = all->data.quiet;
    job.dropout = all->model.dropout;
    (void)job.tune.options(job.training);
    make_folder(job.out);
    const auto loaded = all->model.load(all->data);
    loaded.architecture->compare(job, loaded.configuration, loaded.data,
                                 load_others(job.test_data, all->data, loaded.data));
  };
}

}  // namespace tool
