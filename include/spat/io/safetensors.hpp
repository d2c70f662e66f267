// io. Named tensors in one file, in the safetensors format: the reader and the writer.
#pragma once

#include <spat/io/safetensors_file.hpp>
#include <spat/io/safetensors_writer.hpp>
