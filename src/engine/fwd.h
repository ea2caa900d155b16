#pragma once

namespace reeve::engine {

class Engine;
struct Scope;

}  // namespace reeve::engine
