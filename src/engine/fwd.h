#pragma once

namespace reeve::engine {

class Book;
class Engine;
struct Scope;

}  // namespace reeve::engine
