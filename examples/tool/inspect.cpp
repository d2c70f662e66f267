// spat inspect: what is in a model file.
#include "tool.hpp"

#include <cstdio>

namespace tool {

namespace {

void list_tensors(const spat::SafetensorsFile& file) {
  std::size_t total = 0;
  for (const spat::TensorInfo& tensor : file.tensors()) {
    std::string shape;
    for (const std::size_t extent : tensor.shape)
      shape.append(shape.empty() ? "" : " x ").append(std::to_string(extent));
    std::printf("  %-62s %-5s [%s]\n", tensor.name.c_str(), std::string(spat::dtype_name(tensor.dtype)).c_str(),
                shape.c_str());
    total += tensor.size();
  }
  std::printf("  %zu numbers in %zu tensors\n", total, file.tensors().size());
}

template <class Model>
void show_model(const spat::SafetensorsFile& file) {
  const Model model = spat::load_model<Model>(file.path());
  std::printf("model        %s\n", Model::name);
  Model::Config::for_each(model.config(), [](const char* name, const auto& value) {
    std::printf("%-12s %s\n", name, std::to_string(value).c_str());
  });
  std::printf("dropout      %g\n", model.dropout());
  const auto cost = spat::cost_of(model, model.config().channels);
  std::printf("parameters   %zu\nMACs         %zu a window\n", cost.parameters, cost.macs);
  std::printf("modules      %s (1 = kept)\n", spat::to_string(model.shape.kept(), model.shape.count()).c_str());
  const auto send = file.metadata().find("spat.send");
  if (send == file.metadata().end()) return;
  const spat::Fields scores = spat::fields_from_json(send->second, file.path());
  for (std::size_t i = 0; i < model.shape.count(); ++i)
    if (const std::string name = model.module_name(i); scores.contains(name))
      std::printf("  %-40s SEND %.4e  %s\n", name.c_str(), scores.get<double>(name),
                  model.shape.kept().keeps(i) ? "kept" : "removed");
}

}  // namespace

Command add_inspect(CLI::App& app) {
  const auto path = std::make_shared<std::string>();
  CLI::App& command = *app.add_subcommand("inspect", "Names, shapes, SEND, mask and cost of a model file");
  command.add_option("file", *path, "Model file, or any safetensors file")->required();
  return [path] {
    const spat::SafetensorsFile file(*path);
    if (const auto name = file.metadata().find(spat::model_key); name != file.metadata().end())
      with_model(name->second, [&]<class Model>() { show_model<Model>(file); });
    std::printf("tensors\n");
    list_tensors(file);
  };
}

}  // namespace tool
