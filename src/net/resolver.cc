#include "net/resolver.h"

#include <algorithm>
#include <array>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <exception>
#include <mutex>
#include <netdb.h>
#include <thread>
#include <utility>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/strings.h"

namespace reeve::net {

namespace {

/// One that hangs keeps the others going.
constexpr std::size_t kWorkersMax = 4;
constexpr std::size_t kHostsMax = 4'096;
constexpr std::size_t kAddressesMax = 32;

std::string text_of(const addrinfo& found) {
  std::array<char, INET6_ADDRSTRLEN> buffer{};
  if (found.ai_family == AF_INET) {
    sockaddr_in four{};
    std::memcpy(&four, found.ai_addr, sizeof(four));
    ::inet_ntop(AF_INET, &four.sin_addr, buffer.data(), buffer.size());
  } else if (found.ai_family == AF_INET6) {
    sockaddr_in6 six{};
    std::memcpy(&six, found.ai_addr, sizeof(six));
    ::inet_ntop(AF_INET6, &six.sin6_addr, buffer.data(), buffer.size());
  }
  return buffer.data();
}

}  // namespace

Result<std::vector<std::string>> look_up_host(const std::string& host) {
  addrinfo wanted{};
  wanted.ai_family = AF_UNSPEC;
  wanted.ai_socktype = SOCK_STREAM;
  wanted.ai_flags = AI_ADDRCONFIG;
  addrinfo* found = nullptr;
  const int outcome = ::getaddrinfo(host.c_str(), nullptr, &wanted, &found);
  if (outcome != 0) {
    return make_error(
        ErrorCode::Unavailable, concat("the name has no address: ", ::gai_strerror(outcome)), host
    );
  }
  std::vector<std::string> addresses;
  for (const addrinfo* at = found; at != nullptr && addresses.size() < kAddressesMax;
       at = at->ai_next) {
    std::string text = text_of(*at);
    if (!text.empty() && std::find(addresses.begin(), addresses.end(), text) == addresses.end()) {
      addresses.push_back(std::move(text));
    }
  }
  ::freeaddrinfo(found);
  if (addresses.empty()) {
    return make_error(ErrorCode::Unavailable, "the name has no address", host);
  }
  return addresses;
}

/// Shared with the threads, which may outlive everybody else.
struct Resolver::Workers {
  struct Worker {
    std::thread thread;
    bool busy = false;
  };

  explicit Workers(HostLookup how) : lookup(std::move(how)) {}

  const HostLookup lookup;
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<std::function<void()>> queue;
  std::deque<Worker> workers;
  std::size_t idle = 0;
  bool closed = false;

  static void run(const std::shared_ptr<Workers>& self, Worker& worker);
  bool add(const std::shared_ptr<Workers>& self, std::function<void()> job);
  void close();
};

void Resolver::Workers::run(const std::shared_ptr<Workers>& self, Worker& worker) {
  std::unique_lock lock(self->mutex);
  while (true) {
    ++self->idle;
    self->changed.wait(lock, [&] { return self->closed || !self->queue.empty(); });
    --self->idle;
    if (self->closed) {
      return;
    }
    const std::function<void()> job = std::move(self->queue.front());
    self->queue.pop_front();
    worker.busy = true;
    lock.unlock();
    job();
    lock.lock();
    worker.busy = false;
  }
}

/// False: there is no thread that could do it.
bool Resolver::Workers::add(const std::shared_ptr<Workers>& self, std::function<void()> job) {
  const std::lock_guard lock(mutex);
  if (closed) {
    return false;
  }
  queue.push_back(std::move(job));
  changed.notify_one();
  if (idle >= queue.size() || workers.size() >= kWorkersMax) {
    return true;
  }
  Worker& worker = workers.emplace_back();
  try {
    worker.thread = std::thread([self, &worker] { run(self, worker); });
  } catch (const std::exception&) {
    workers.pop_back();
    if (workers.empty()) {
      queue.pop_back();
      return false;
    }
  }
  return true;
}

void Resolver::Workers::close() {
  std::vector<std::thread> ending;
  {
    const std::lock_guard lock(mutex);
    closed = true;
    queue.clear();
    changed.notify_all();
    for (Worker& worker : workers) {
      if (worker.thread.joinable() && worker.busy) {
        // The system does not let a look-up be called off.
        worker.thread.detach();
      } else if (worker.thread.joinable()) {
        ending.push_back(std::move(worker.thread));
      }
    }
  }
  for (std::thread& thread : ending) {
    thread.join();
  }
}

Resolver::Resolver(std::shared_ptr<Loop> loop, HostLookup lookup)
    : loop_(std::move(loop)),
      workers_(std::make_shared<Workers>(lookup ? std::move(lookup) : HostLookup(look_up_host))) {}

Resolver::~Resolver() {
  close();
}

void Resolver::resolve(const std::string& host, Done done) {
  const auto known = waiting_.find(host);
  if (known != waiting_.end()) {
    known->second.push_back(std::move(done));
    return;
  }
  if (waiting_.size() < kHostsMax) {
    const bool taken = workers_->add(
        workers_,
        [workers = workers_.get(), loop = loop_, self = weak_from_this(), host] {
          auto addresses =
              std::make_shared<Result<std::vector<std::string>>>(workers->lookup(host));
          loop->post([self, host, addresses] {
            if (const std::shared_ptr<Resolver> resolver = self.lock()) {
              resolver->finish(host, *addresses);
            }
          });
        }
    );
    if (taken) {
      waiting_[host].push_back(std::move(done));
      return;
    }
  }
  loop_->post([done = std::move(done), host] {
    done(make_error(ErrorCode::Unavailable, "too many names are being looked up", host));
  });
}

void Resolver::finish(const std::string& host, const Result<std::vector<std::string>>& addresses) {
  const auto found = waiting_.find(host);
  if (found == waiting_.end()) {
    return;
  }
  const std::vector<Done> waiting = std::move(found->second);
  waiting_.erase(found);
  for (const Done& done : waiting) {
    done(addresses);
  }
}

void Resolver::close() {
  waiting_.clear();
  workers_->close();
}

}  // namespace reeve::net
