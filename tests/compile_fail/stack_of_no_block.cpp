// A Stack is made of blocks that say how many modules they hold.
#include <spat/nn/encoder_layer.hpp>
#include <spat/nn/stack.hpp>

template <spat::BlockMask kept>
struct Block : spat::EncoderLayer<float, kept> {
  using spat::EncoderLayer<float, kept>::EncoderLayer;
#ifdef SPAT_SHOULD_FAIL
 private:
  using spat::EncoderLayer<float, kept>::modules;
#endif
};

using Stack = spat::Stack<Block>;
Stack stack(2, spat::ModuleMask::all(), std::size_t{8}, std::size_t{8}, std::size_t{2});
