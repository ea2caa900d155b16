#pragma once

namespace reeve::engine {

class Book;
class Collector;
class Engine;
class MetadataBook;
class MeterBook;
class MeterRates;
class MissionTurn;
class QuotaRegistry;
class ResourceBook;
class UsageBook;
struct QuotaRefusal;
struct Scope;

}  // namespace reeve::engine
