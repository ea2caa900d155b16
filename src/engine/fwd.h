#pragma once

namespace reeve::engine {

class Book;
class Engine;
class MissionTurn;
struct Scope;

}  // namespace reeve::engine
