#include "host/shim.h"

int main(int argc, char** argv) {
  return reeve::host::shim_main(argc, argv);
}
