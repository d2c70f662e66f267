// Requests to stop: seen by each token of their source, however often it is copied.
#include <spat/core/stop.hpp>

#include <tests/support/catch.hpp>

#include <thread>

namespace stop_tests {

using namespace spat;

template <class Source, class Token>
void check_requests() {
  CHECK_FALSE(Token().stop_requested());
  CHECK_FALSE(Token().stop_possible());
  Source source, other;
  const Token token = source.get_token(), copy = token, of_other = other.get_token();
  CHECK(token.stop_possible());
  CHECK_FALSE(token.stop_requested());
  CHECK_FALSE(source.stop_requested());
  std::thread asking([source]() mutable { source.request_stop(); });
  asking.join();
  CHECK(source.stop_requested());
  CHECK(token.stop_requested());
  CHECK(copy.stop_requested());
  CHECK(source.get_token().stop_requested());
  CHECK_FALSE(of_other.stop_requested());
  CHECK_FALSE(source.request_stop());  // it is the second
  CHECK(other.request_stop());
  Token kept;
  {
    Source gone;
    kept = gone.get_token();
    gone.request_stop();
  }
  CHECK(kept.stop_requested());
}

TEST_CASE("A request to stop reaches each token of its source, and no other") {
  check_requests<StopSource, StopToken>();
  check_requests<detail::PlainStopSource, detail::PlainStopToken>();
}

}  // namespace stop_tests
