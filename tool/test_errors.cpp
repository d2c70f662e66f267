// Prints the naive forecast beside a model.
#include "test_errors.hpp"

#include <spat/pipeline/report_parts.hpp>
#include <spat/report/naive_text.hpp>

#include <cstdio>

namespace tool {

spat::PruningReport test_report(const Data& data, const spat::Metrics& errors) {
  spat::PruningReport report;
  report.dense.mse = errors.mse, report.dense.mae = errors.mae;
  report.scaler = data.scaler, report.filled_share = data.filled_share();
  report.naive = spat::detail::report_naive(*data.test, data.description.calendar);
  return report;
}

void print_verdict(const spat::PruningReport& report) {
  if (const auto verdict = spat::detail::naive_verdict(report); !verdict.empty())
    std::printf("%s.\n\n", verdict.c_str());
}

void print_footnotes(const spat::PruningReport& report) {
  std::printf("naive MSE     %.6f   %s\nnaive MAE     %.6f\n", report.naive->mse,
              spat::detail::naive_name(report.naive->season).c_str(), report.naive->mae);
  std::printf("(scaled units: %s)\n", report.scaler.c_str());
  if (report.filled_share > 0)
    std::printf("of the cells %s\n", spat::detail::filled_text(report).c_str());
}

}  // namespace tool
