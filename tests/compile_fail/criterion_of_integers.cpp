// A criterion's scalar is float or double.
#include <spat/criteria/any_criterion.hpp>

#ifdef SPAT_SHOULD_FAIL
using Scalar = int;
#else
using Scalar = float;
#endif

spat::AnyCriterion<Scalar> criterion;
