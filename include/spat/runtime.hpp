// What a program needs that forecasts with a saved or a static model: reading series, the models,
// loading, forecasts. No training, criteria, pruning or reports: those are in spat.hpp.
#pragma once

#include <spat/version.hpp>

#include <spat/data/data_description.hpp>
#include <spat/data/latest_window.hpp>
#include <spat/data/read_series.hpp>
#include <spat/data/series_csv.hpp>

#include <spat/export/cpp/constant_forecaster.hpp>

#include <spat/models/checkpoint.hpp>
#include <spat/models/crossformer.hpp>
#include <spat/models/dlinear.hpp>
#include <spat/models/forecast.hpp>
#include <spat/models/itransformer.hpp>
#include <spat/models/patchtst.hpp>
#include <spat/models/patchtst_official.hpp>
#include <spat/models/predictor.hpp>
#include <spat/models/rlinear.hpp>
#include <spat/models/smamba.hpp>
#include <spat/models/timexer.hpp>
#include <spat/models/transformer.hpp>
#include <spat/models/tsmixer.hpp>
