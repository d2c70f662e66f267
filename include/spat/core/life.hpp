// core. References that notice the end of what they refer to.
#pragma once

#include <spat/core/error.hpp>

#include <memory>
#include <utility>

namespace spat::inline SPAT_ABI {

/// A member by which an object can be watched: see Borrowed. A copy is a new object. An object that
/// was moved from or into counts as gone: its memory is another. One that was assigned a copy
/// counts as the same.
class Life {
 public:
  Life() = default;
  Life(const Life&) noexcept {}
  Life(Life&& other) noexcept { other.mark_.reset(); }
  Life& operator=(const Life&) noexcept { return *this; }
  Life& operator=(Life&& other) noexcept {
    if (this != &other) mark_.reset(), other.mark_.reset();
    return *this;
  }

  /// Expires with the object. One thread at a time.
  [[nodiscard]] std::weak_ptr<const bool> watch() const {
    if (!mark_) mark_ = std::make_shared<const bool>(true);
    return mark_;
  }

 private:
  mutable std::shared_ptr<const bool> mark_;  // made when somebody watches
};

/// A reference to an object that belongs to somebody else. If the object has a life(), using it
/// after it was destroyed or moved from throws ConfigError with the name of the holder; otherwise
/// the object must outlive the reference.
template <class T>
class Borrowed {
 public:
  Borrowed(T& object, const char* holder) : object_(&object), holder_(holder) {
    if constexpr (watched) life_ = object.life().watch();
  }

  [[nodiscard]] T& operator*() const {
    expect_alive();
    return *object_;
  }
  [[nodiscard]] T* operator->() const { return &**this; }
  void expect_alive() const {
    if (watched && life_.expired())
      throw ConfigError(message("the model of this ", holder_,
                                " is gone: it was destroyed, moved from or moved into before its ",
                                holder_));
  }
  /// Whether it refers to this very object.
  [[nodiscard]] bool is(const T& object) const { return object_ == &object; }

 private:
  static constexpr bool watched = requires(T & object) { object.life().watch(); };

  T* object_;
  const char* holder_;
  std::weak_ptr<const bool> life_;
};

}  // namespace spat
