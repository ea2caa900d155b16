#pragma once
#include <filesystem>

#include "net/client.h"
#include "net/exchange.h"
#include "net/server.h"
#include "pch_engine.h"
#include "resource/status.h"
#include "security/access/identity.h"
#include "telemetry/metrics.h"
