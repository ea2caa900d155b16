#pragma once

namespace reeve::sim {

class Checkers;
class ClientSim;
class ControllerSim;
class HostSim;
class Random;
class Simulation;
class World;
struct FaultRates;

}  // namespace reeve::sim
