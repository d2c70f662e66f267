// spat inspect: prints the contents of a model file.
#include "architecture.hpp"

#include <spat/io/fields.hpp>
#include <spat/models/checkpoint.hpp>

#include <CLI/CLI.hpp>

#include <cstdio>

namespace tool {

namespace {

void list_tensors(const spat::SafetensorsFile& file) {
  std::size_t total = 0;
  for (const spat::TensorInfo& tensor : file.tensors()) {
    std::string shape;
    for (const std::size_t extent : tensor.shape)
      shape.append(shape.empty() ? "" : " x ").append(std::to_string(extent));
    std::printf("  %-62s %-5s [%s]\n", tensor.name.c_str(),
                std::string(spat::dtype_name(tensor.dtype)).c_str(), shape.c_str());
    total += tensor.size();
  }
  std::printf("  %zu numbers in %zu tensors\n", total, file.tensors().size());
}

void show_model(const Architecture& model, const spat::SafetensorsFile& file) {
  const Inspection found = model.inspect(file.path());
  std::printf("model        %s\n", model.name);
  for (const Field& field : found.configuration)
    std::printf("%-12s %zu\n", field.name.c_str(), field.value);
  std::printf("dropout      %g\n", found.dropout);
  if (const auto type = spat::weight_type_of(file); type != spat::WeightType::f32)
    std::printf("weights      %s\n", std::string(spat::name_of(spat::weight_types, type)).c_str());
  std::printf("parameters   %zu\nMACs         %zu per window\n", found.cost.parameters,
              found.cost.macs);
  if (!found.modules.empty())
    std::printf("modules      %s (1 = kept)\n",
                spat::to_string(found.kept, found.modules.size()).c_str());
  for (const std::string& part : found.dead_parts) std::printf("dead         %s\n", part.c_str());
  const auto saved = file.metadata().find("spat.scores");
  const spat::Fields scores = saved == file.metadata().end()
                                  ? spat::Fields{}
                                  : spat::fields_from_json(saved->second, file.path());
  for (std::size_t i = 0; i < found.modules.size(); ++i) {
    const std::string& name = found.modules[i];
    std::printf("  %-40s ", name.c_str());
    if (scores.contains(name)) std::printf("score %.4e  ", scores.get<double>(name));
    std::printf("%s\n", found.kept.keeps(i) ? "kept" : "removed");
  }
}

}  // namespace

Command add_inspect(CLI::App& app) {
  const auto path = std::make_shared<std::string>();
  CLI::App& command = *app.add_subcommand(
      "inspect", "Print the sizes, scores, mask, cost and tensors of a model file");
  command.add_option("file", *path, "Model file, or any safetensors file")->required();
  return [path] {
    const spat::SafetensorsFile file(*path);
    if (const auto name = file.metadata().find(spat::model_key); name != file.metadata().end())
      show_model(architecture(name->second), file);
    std::printf("tensors\n");
    list_tensors(file);
  };
}

}  // namespace tool
