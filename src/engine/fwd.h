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
class ToolCallBook;
class UsageBook;
struct QuotaRefusal;
struct Scope;

}  // namespace reeve::engine
