#pragma once
#include "pch_engine.h"

#include <filesystem>

#include "net/client.h"
#include "net/exchange.h"
#include "net/server.h"
#include "resource/status.h"
#include "security/access/identity.h"
#include "telemetry/metrics.h"
