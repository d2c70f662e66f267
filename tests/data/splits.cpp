#include <spat/data/splits.hpp>

#include <tests/support/catch.hpp>
#include <tests/support/errors.hpp>

namespace splits_tests {

using namespace spat;

TEST_CASE("The protocols cut where the published results do") {
  const Splits hourly = split_rows(Protocol::ett_hourly, 17420, 96, 720);
  CHECK(hourly.train == Split{0, 8640});
  CHECK(hourly.validation == Split{8640 - 96, 11520});
  CHECK(hourly.test == Split{11520 - 96, 14400});
  const Splits minute = split_rows(Protocol::ett_minute, 69680, 336, 96);
  CHECK(minute.train == Split{0, 34560});
  CHECK(minute.validation == Split{34560 - 336, 46080});
  CHECK(minute.test == Split{46080 - 336, 57600});
  const Splits weather = split_rows(Protocol::custom, 52696, 96, 96);
  CHECK(weather.train == Split{0, 36887});
  CHECK(weather.validation == Split{36887 - 96, 42157});
  CHECK(weather.test == Split{42157 - 96, 52696});
  CHECK(split_rows(Protocol::custom, 100, 5, 5, {.train = 0.5, .test = 0.25}).validation ==
        Split{45, 75});
}

TEST_CASE("Protocols have names") {
  CHECK(parse_protocol("ett-hourly") == Protocol::ett_hourly);
  CHECK(parse_protocol("ett-minute") == Protocol::ett_minute);
  CHECK(parse_protocol("ett-minutely") == Protocol::ett_minute);
  CHECK(parse_protocol("custom") == Protocol::custom);
  for (const Protocol one : {Protocol::ett_hourly, Protocol::ett_minute, Protocol::custom}) {
    CHECK(parse_protocol(protocol_name(one)) == one);
  }
  CHECK(message_of<ConfigError>([] { (void)parse_protocol("ETT"); }) ==
        R"(unknown protocol "ETT"; expected ett-hourly, ett-minute, ett-minutely or custom)");
}

TEST_CASE("Too few rows are refused with the number needed") {
  const auto refusal = [](Protocol protocol, std::size_t rows, std::size_t lookback,
                          std::size_t horizon) {
    return message_of<DataError>([&] { (void)split_rows(protocol, rows, lookback, horizon); });
  };
  CHECK(split_rows(Protocol::ett_hourly, 14400, 96, 96).test.end == 14400);
  CHECK(refusal(Protocol::ett_hourly, 14399, 96, 96) ==
        "protocol ett-hourly needs 14400 rows, found 14399");
  CHECK(refusal(Protocol::ett_minute, 17420, 96, 96) ==
        "protocol ett-minute needs 57600 rows, found 17420");
  CHECK(refusal(Protocol::custom, 900, 96, 96) ==
        "the validation part needs 96 rows to forecast after a lookback of 96, found 90 (protocol "
        "custom, 900 rows in "
        "all)");
  CHECK(refusal(Protocol::custom, 0, 96, 96) ==
        "the training part needs 96 rows to forecast after a lookback of 96, found 0 (protocol "
        "custom, 0 rows in all)");
  CHECK(refusal(Protocol::custom, 1000, 690, 20) ==
        "the training part needs 20 rows to forecast after a lookback of 690, found 10 (protocol "
        "custom, 1000 rows in "
        "all)");
  CHECK(refusal(Protocol::ett_hourly, 17420, 96, 2881) ==
        "the validation part needs 2881 rows to forecast after a lookback of 96, found 2880 "
        "(protocol ett-hourly, 17420 "
        "rows in all)");
  CHECK_NOTHROW(split_rows(Protocol::custom, 960, 96, 96));
}

TEST_CASE("Windows of no rows and impossible ratios are refused") {
  CHECK(message_of<ConfigError>([] { (void)split_rows(Protocol::custom, 1000, 0, 1); }) ==
        "lookback and horizon must be at least 1");
  CHECK(message_of<ConfigError>([] {
          (void)split_rows(Protocol::custom, 1000, 1, 1, {.train = 0.8, .test = 0.2});
        }) == "ratios 0.8 and 0.2 do not leave three parts");
}

}  // namespace splits_tests
