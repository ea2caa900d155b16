#include "api/file_work.h"

#include <utility>

#include "net/server.h"

namespace reeve::api {

void FileWork::add(std::function<void()> work, std::function<void()> done) {
  pool_.add([this, work = std::move(work), done = std::move(done)]() mutable {
    work();
    // What it holds ends where it was made.
    work = {};
    server_.post(std::move(done));
  });
}

}  // namespace reeve::api
