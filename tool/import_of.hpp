// The parts of `spat import` that know a model's type.
#pragma once

#include "architecture.hpp"
#include "import.hpp"

#include <spat/models/import/import_model.hpp>

namespace tool {

/// Reads a checkpoint by its plan, and writes a model file.
template <class Model>
void import_checkpoint(const ImportJob& job, const spat::SafetensorsFile& file,
                       const spat::ImportPlan& plan, const Configuration& configuration,
                       const spat::DataDescription& data) {
  Model model = spat::import_model<Model>(
      file, plan, config_of<typename Model::Config>(configuration), job.narrowing);
  model.set_dropout(job.dropout);
  spat::save_model(job.out, model, data);
}

}  // namespace tool
