#include "api/view/stem_map.h"

#include <algorithm>
#include <utility>

namespace reeve::api::view {

namespace {

/// What is filled or split leaves room for growth.
constexpr std::size_t kNodeEntriesFilled = kNodeEntriesMax * 3 / 4;
/// A node that has shrunk to this is joined with its neighbour if both fit.
constexpr std::size_t kNodeEntriesMin = kNodeEntriesMax / 4;

/// How many of `left` entries the next node takes.
std::size_t share_of(std::size_t left) {
  return left <= kNodeEntriesMax ? left : std::min(kNodeEntriesFilled, left / 2);
}

bool before(const StemPtr& stem, const Place& place) {
  return stem->place() < place;
}

/// `old` after `edits`.
std::vector<StemPtr> merged(const std::vector<StemPtr>& old, std::span<const StemMap::Edit> edits) {
  std::vector<StemPtr> result;
  result.reserve(old.size() + edits.size());
  auto stem = old.begin();
  for (const StemMap::Edit& edit : edits) {
    for (; stem != old.end() && before(*stem, edit.place); ++stem) {
      result.push_back(*stem);
    }
    if (stem != old.end() && (*stem)->place() == edit.place) {
      ++stem;
    }
    if (edit.stem) {
      result.push_back(edit.stem);
    }
  }
  result.insert(result.end(), stem, old.end());
  return result;
}

}  // namespace

/// A leaf has stems, any other node has children; never empty.
struct StemMap::Node {
  struct Child {
    NodePtr node;
    /// The first stem below it.
    const Stem* first = nullptr;
    /// Stems below it and below the children before it.
    std::size_t end = 0;
  };

  std::vector<StemPtr> stems;
  std::vector<Child> children;
  /// Stems below that exist.
  std::size_t existing = 0;

  bool leaf() const { return children.empty(); }

  std::size_t entries() const { return leaf() ? stems.size() : children.size(); }

  std::size_t size() const { return leaf() ? stems.size() : children.back().end; }

  const Stem* first() const { return leaf() ? stems.front().get() : children.front().first; }

  /// The child in whose range `place` lies.
  std::size_t child_of(const Place& place) const {
    const auto after = std::upper_bound(
        children.begin() + 1,
        children.end(),
        place,
        [](const Place& wanted, const Child& child) { return wanted < child.first->place(); }
    );
    return static_cast<std::size_t>(after - children.begin()) - 1;
  }

  /// The child that has the stem of this rank, which must be there.
  std::size_t child_at(Rank rank) const {
    const auto found = std::upper_bound(
        children.begin(),
        children.end(),
        rank,
        [](Rank wanted, const Child& child) { return wanted < child.end; }
    );
    return static_cast<std::size_t>(found - children.begin());
  }

  Rank start_of(std::size_t child) const { return child == 0 ? 0 : children[child - 1].end; }
};

StemMap::StemMap(std::vector<StemPtr> stems) : root_(rooted(make_leaves(std::move(stems)))) {}

StemMap::Nodes StemMap::make_leaves(std::vector<StemPtr> stems) {
  Nodes leaves;
  for (auto from = stems.begin(); from != stems.end();) {
    const auto to =
        from + static_cast<std::ptrdiff_t>(share_of(static_cast<std::size_t>(stems.end() - from)));
    auto leaf = std::make_shared<Node>();
    leaf->stems.assign(std::make_move_iterator(from), std::make_move_iterator(to));
    for (const StemPtr& stem : leaf->stems) {
      leaf->existing += stem->exists() ? 1U : 0U;
    }
    leaves.push_back(std::move(leaf));
    from = to;
  }
  return leaves;
}

/// Nodes of the next level, with `nodes` as their children.
StemMap::Nodes StemMap::make_parents(const Nodes& nodes) {
  Nodes parents;
  std::size_t from = 0;
  while (from < nodes.size()) {
    const std::size_t to = from + share_of(nodes.size() - from);
    auto parent = std::make_shared<Node>();
    parent->children.reserve(to - from);
    std::size_t end = 0;
    for (; from < to; ++from) {
      end += nodes[from]->size();
      parent->existing += nodes[from]->existing;
      parent->children.push_back({.node = nodes[from], .first = nodes[from]->first(), .end = end});
    }
    parents.push_back(std::move(parent));
  }
  return parents;
}

/// Appends `more`, of the same level, and joins neighbours of which one has become too small.
void StemMap::append(Nodes& nodes, Nodes more) {
  for (NodePtr& node : more) {
    const bool small =
        !nodes.empty() && std::min(nodes.back()->entries(), node->entries()) <= kNodeEntriesMin;
    if (!small || nodes.back()->entries() + node->entries() > kNodeEntriesFilled) {
      nodes.push_back(std::move(node));
      continue;
    }
    const NodePtr last = std::move(nodes.back());
    nodes.pop_back();
    if (node->leaf()) {
      std::vector<StemPtr> stems = last->stems;
      stems.insert(stems.end(), node->stems.begin(), node->stems.end());
      nodes.push_back(make_leaves(std::move(stems)).front());
      continue;
    }
    Nodes children;
    for (const NodePtr& each : {last, node}) {
      for (const Node::Child& child : each->children) {
        children.push_back(child.node);
      }
    }
    nodes.push_back(make_parents(children).front());
  }
}

/// What takes the place of `node` in its level; `edits` lie in its range.
StemMap::Nodes StemMap::edited(const Node& node, std::span<const Edit> edits) {
  if (node.leaf()) {
    return make_leaves(merged(node.stems, edits));
  }
  Nodes children;
  children.reserve(node.children.size() + edits.size());
  for (std::size_t at = 0; at < node.children.size(); ++at) {
    std::size_t count = edits.size();
    if (!edits.empty() && at + 1 < node.children.size()) {
      const Place limit = node.children[at + 1].first->place();
      const auto end = std::find_if(edits.begin(), edits.end(), [&](const Edit& edit) {
        return edit.place >= limit;
      });
      count = static_cast<std::size_t>(end - edits.begin());
    }
    const NodePtr& child = node.children[at].node;
    append(children, count == 0 ? Nodes{child} : edited(*child, edits.first(count)));
    edits = edits.subspan(count);
  }
  return make_parents(children);
}

/// One node above all of them; null if there are none.
StemMap::NodePtr StemMap::rooted(Nodes nodes) {
  while (nodes.size() > 1) {
    nodes = make_parents(nodes);
  }
  NodePtr root = nodes.empty() ? nullptr : std::move(nodes.front());
  while (root && root->children.size() == 1) {
    root = NodePtr(root->children.front().node);
  }
  return root;
}

StemMap StemMap::with(std::span<const Edit> edits) const {
  StemMap result;
  result.root_ = rooted(root_ ? edited(*root_, edits) : make_leaves(merged({}, edits)));
  return result;
}

StemPtr StemMap::find(const Place& place) const {
  const Node* node = root_.get();
  if (node == nullptr) {
    return nullptr;
  }
  while (!node->leaf()) {
    node = node->children[node->child_of(place)].node.get();
  }
  const auto found = std::lower_bound(node->stems.begin(), node->stems.end(), place, before);
  return found != node->stems.end() && (*found)->place() == place ? *found : nullptr;
}

StemMap::Rank StemMap::lower_bound(const Place& place) const {
  const Node* node = root_.get();
  if (node == nullptr) {
    return 0;
  }
  Rank rank = 0;
  while (!node->leaf()) {
    const std::size_t child = node->child_of(place);
    rank += node->start_of(child);
    node = node->children[child].node.get();
  }
  const auto found = std::lower_bound(node->stems.begin(), node->stems.end(), place, before);
  return rank + static_cast<std::size_t>(found - node->stems.begin());
}

const StemPtr* StemMap::at(Rank rank) const {
  if (rank >= size()) {
    return nullptr;
  }
  const Node* node = root_.get();
  while (!node->leaf()) {
    const std::size_t child = node->child_at(rank);
    rank -= node->start_of(child);
    node = node->children[child].node.get();
  }
  return &node->stems[rank];
}

std::uint64_t StemMap::existing_before(Rank rank) const {
  if (!root_ || rank >= root_->size()) {
    return root_ ? root_->existing : 0;
  }
  std::uint64_t count = 0;
  const Node* node = root_.get();
  while (!node->leaf()) {
    const std::size_t child = node->child_at(rank);
    for (std::size_t at = 0; at < child; ++at) {
      count += node->children[at].node->existing;
    }
    rank -= node->start_of(child);
    node = node->children[child].node.get();
  }
  for (Rank at = 0; at < rank; ++at) {
    count += node->stems[at]->exists() ? 1U : 0U;
  }
  return count;
}

std::uint64_t StemMap::count(Rank from, Rank to) const {
  return from < to ? existing_before(to) - existing_before(from) : 0;
}

std::size_t StemMap::size() const {
  return root_ ? root_->size() : 0;
}

std::vector<std::vector<std::size_t>> StemMap::node_sizes() const {
  std::vector<std::vector<std::size_t>> levels;
  std::vector<const Node*> level;
  if (root_) {
    level.push_back(root_.get());
  }
  while (!level.empty()) {
    std::vector<std::size_t> sizes;
    std::vector<const Node*> below;
    for (const Node* node : level) {
      sizes.push_back(node->entries());
      for (const Node::Child& child : node->children) {
        below.push_back(child.node.get());
      }
    }
    levels.insert(levels.begin(), std::move(sizes));
    level = std::move(below);
  }
  return levels;
}

}  // namespace reeve::api::view
