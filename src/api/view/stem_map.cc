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
  std::vector<StemPtr> stems;
  Branches children;

  bool leaf() const { return children.empty(); }

  /// The child in whose range `place` lies.
  std::size_t child_of(const Place& place) const {
    const auto after = std::upper_bound(
        children.begin() + 1,
        children.end(),
        place,
        [](const Place& wanted, const Branch& child) { return wanted < child.first->place(); }
    );
    return static_cast<std::size_t>(after - children.begin()) - 1;
  }

  /// The child that has the stem of this rank, which must be there; `rank` becomes the one in it.
  const Branch& child_at(Rank& rank) const {
    auto child = children.begin();
    for (; rank >= child->size; ++child) {
      rank -= child->size;
    }
    return *child;
  }
};

StemMap::StemMap(std::vector<StemPtr> stems) : root_(rooted(make_leaves(std::move(stems)))) {}

StemMap::Branches StemMap::make_leaves(std::vector<StemPtr> stems) {
  Branches leaves;
  for (auto from = stems.begin(); from != stems.end();) {
    const auto left = static_cast<std::size_t>(stems.end() - from);
    const auto to = from + static_cast<std::ptrdiff_t>(share_of(left));
    auto leaf = std::make_shared<Node>();
    leaf->stems.assign(std::make_move_iterator(from), std::make_move_iterator(to));
    Branch branch{
        .first = leaf->stems.front().get(),
        .size = leaf->stems.size(),
        .entries = leaf->stems.size()};
    for (const StemPtr& stem : leaf->stems) {
      branch.existing += stem->exists() ? 1U : 0U;
    }
    branch.node = std::move(leaf);
    leaves.push_back(std::move(branch));
    from = to;
  }
  return leaves;
}

/// Nodes of the next level above `children`.
StemMap::Branches StemMap::make_parents(Branches children) {
  Branches parents;
  for (auto from = children.begin(); from != children.end();) {
    const auto left = static_cast<std::size_t>(children.end() - from);
    const auto to = from + static_cast<std::ptrdiff_t>(share_of(left));
    auto parent = std::make_shared<Node>();
    parent->children.assign(std::make_move_iterator(from), std::make_move_iterator(to));
    Branch branch{.first = parent->children.front().first, .entries = parent->children.size()};
    for (const Branch& child : parent->children) {
      branch.size += child.size;
      branch.existing += child.existing;
    }
    branch.node = std::move(parent);
    parents.push_back(std::move(branch));
    from = to;
  }
  return parents;
}

/// One node with the entries of both, which fit.
StemMap::Branch StemMap::joined(const Branch& left, const Branch& right) {
  if (left.node->leaf()) {
    std::vector<StemPtr> stems = left.node->stems;
    stems.insert(stems.end(), right.node->stems.begin(), right.node->stems.end());
    return make_leaves(std::move(stems)).front();
  }
  Branches children = left.node->children;
  children.insert(children.end(), right.node->children.begin(), right.node->children.end());
  return make_parents(std::move(children)).front();
}

/// Appends `more`, of the same level; joins it with the last one if either is too small.
void StemMap::append(Branches& branches, Branch more) {
  if (!branches.empty()) {
    Branch& last = branches.back();
    if (std::min(last.entries, more.entries) <= kNodeEntriesMin &&
        last.entries + more.entries <= kNodeEntriesFilled) {
      last = joined(last, more);
      return;
    }
  }
  branches.push_back(std::move(more));
}

/// What takes the place of `node` in its level; `edits` lie in its range.
StemMap::Branches StemMap::edited(const Node& node, std::span<const Edit> edits) {
  if (node.leaf()) {
    return make_leaves(merged(node.stems, edits));
  }
  Branches children;
  children.reserve(node.children.size() + edits.size());
  std::size_t at = 0;
  while (!edits.empty()) {
    const std::size_t touched = node.child_of(edits.front().place);
    for (; at < touched; ++at) {
      append(children, node.children[at]);
    }
    std::size_t count = edits.size();
    if (at + 1 < node.children.size()) {
      const Place limit = node.children[at + 1].first->place();
      const auto end = std::find_if(edits.begin(), edits.end(), [&](const Edit& edit) {
        return edit.place >= limit;
      });
      count = static_cast<std::size_t>(end - edits.begin());
    }
    for (Branch& branch : edited(*node.children[at].node, edits.first(count))) {
      append(children, std::move(branch));
    }
    edits = edits.subspan(count);
    ++at;
  }
  for (; at < node.children.size(); ++at) {
    append(children, node.children[at]);
  }
  return make_parents(std::move(children));
}

/// One node above all of them, or none.
StemMap::Branch StemMap::rooted(Branches branches) {
  while (branches.size() > 1) {
    branches = make_parents(std::move(branches));
  }
  Branch root = branches.empty() ? Branch() : std::move(branches.front());
  while (root.node && root.node->children.size() == 1) {
    root = Branch(root.node->children.front());
  }
  return root;
}

StemMap StemMap::with(std::span<const Edit> edits) const {
  StemMap result;
  result.root_ = rooted(root_.node ? edited(*root_.node, edits) : make_leaves(merged({}, edits)));
  return result;
}

StemPtr StemMap::find(const Place& place) const {
  const Node* node = root_.node.get();
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
  const Node* node = root_.node.get();
  if (node == nullptr) {
    return 0;
  }
  Rank rank = 0;
  while (!node->leaf()) {
    const std::size_t child = node->child_of(place);
    for (std::size_t at = 0; at < child; ++at) {
      rank += node->children[at].size;
    }
    node = node->children[child].node.get();
  }
  const auto found = std::lower_bound(node->stems.begin(), node->stems.end(), place, before);
  return rank + static_cast<std::size_t>(found - node->stems.begin());
}

const StemPtr* StemMap::at(Rank rank) const {
  if (rank >= size()) {
    return nullptr;
  }
  const Node* node = root_.node.get();
  while (!node->leaf()) {
    node = node->child_at(rank).node.get();
  }
  return &node->stems[rank];
}

std::uint64_t StemMap::existing_before(Rank rank) const {
  if (rank >= size()) {
    return root_.existing;
  }
  std::uint64_t count = 0;
  const Node* node = root_.node.get();
  while (!node->leaf()) {
    const Branch& child = node->child_at(rank);
    for (const Branch* each = node->children.data(); each != &child; ++each) {
      count += each->existing;
    }
    node = child.node.get();
  }
  for (Rank at = 0; at < rank; ++at) {
    count += node->stems[at]->exists() ? 1U : 0U;
  }
  return count;
}

std::uint64_t StemMap::count(Rank from, Rank to) const {
  return from < to ? existing_before(to) - existing_before(from) : 0;
}

std::vector<std::vector<std::size_t>> StemMap::node_sizes() const {
  std::vector<std::vector<std::size_t>> levels;
  Branches level;
  if (root_.node) {
    level.push_back(root_);
  }
  while (!level.empty()) {
    std::vector<std::size_t> sizes;
    Branches below;
    for (const Branch& branch : level) {
      sizes.push_back(branch.entries);
      const Branches& children = branch.node->children;
      below.insert(below.end(), children.begin(), children.end());
    }
    levels.insert(levels.begin(), std::move(sizes));
    level = std::move(below);
  }
  return levels;
}

}  // namespace reeve::api::view
