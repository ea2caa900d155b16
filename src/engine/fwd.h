#pragma once

namespace reeve::engine {

class Book;
class Collector;
class Engine;
class MetadataBook;
class MissionTurn;
class ResourceBook;
struct Scope;

}  // namespace reeve::engine
