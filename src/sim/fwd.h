#pragma once

namespace reeve::sim {

class Checkers;
class ClientSim;
class ControllerSim;
class HostSim;
class ObjectSim;
class Random;
class Simulation;
class World;
struct FaultRates;

}  // namespace reeve::sim
