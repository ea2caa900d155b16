#include <algorithm>

#include "base/strings.h"
#include "workflow/graph_layout.h"

namespace reeve::workflow {

namespace {

constexpr std::int64_t kLineHeight = 18;
constexpr std::int64_t kCorner = 8;
constexpr std::int64_t kSlope = 12;

/// Plain colours, which every viewer understands, and darker ones for those who ask for them.
/// States differ by their symbol as well.
constexpr std::string_view kStyle =
    "<style>"
    "text{font:13px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace}"
    ".paper{fill:#ffffff}"
    ".box{fill:#f4f6f8;stroke:#5b6b7b;stroke-width:1.2}"
    ".gate{fill:#fff4dc;stroke:#a86d00}.mission{fill:#eef0ff;stroke:#5560b8}"
    ".request{fill:#e8f5f3;stroke:#2f7f76}.noop{fill:#ffffff;stroke-dasharray:2 2}"
    ".trigger{fill:#ffffff;stroke:#5b6b7b;stroke-dasharray:5 3}"
    ".entry{stroke-width:2.4}"
    ".done{fill:#def3e1;stroke:#2c7a3c}.failed{fill:#fde4e2;stroke:#b3261e}"
    ".active{fill:#dcecff;stroke:#1a62c7;stroke-width:2.4}.held{fill:#fff4c9;stroke:#8f6a00}"
    ".idle{fill:#f4f6f8;stroke:#9aa6b2}"
    ".inner{fill:none;stroke:#5560b8;stroke-width:1}"
    ".dot{fill:#5b6b7b}"
    ".name{fill:#1c2733;text-anchor:middle}"
    ".line{fill:#4a5866;text-anchor:middle;font-size:11px}"
    ".edge{fill:none;stroke:#5b6b7b;stroke-width:1.4}"
    ".back{fill:none;stroke:#a15c00;stroke-width:1.4;stroke-dasharray:5 3}"
    ".start{fill:none;stroke:#5b6b7b;stroke-width:1.2;stroke-dasharray:2 3}"
    ".label{fill:#1c2733;text-anchor:middle;font-size:11px;stroke:#ffffff;stroke-width:4;"
    "paint-order:stroke;stroke-linejoin:round}"
    ".tip{fill:#5b6b7b}.backtip{fill:#a15c00}"
    "@media(prefers-color-scheme:dark){"
    ".paper{fill:#10161c}.box{fill:#1d2731;stroke:#8fa1b3}"
    ".gate{fill:#33290f;stroke:#e0a458}.mission{fill:#22264a;stroke:#9aa4f0}"
    ".request{fill:#12302d;stroke:#63b8ad}.noop{fill:#10161c}"
    ".trigger{fill:#10161c;stroke:#8fa1b3}"
    ".done{fill:#143320;stroke:#62c078}.failed{fill:#45181a;stroke:#f2827a}"
    ".active{fill:#14304f;stroke:#74b0ff}.held{fill:#3a3210;stroke:#e4c24d}"
    ".idle{fill:#1d2731;stroke:#5b6b7b}"
    ".inner{stroke:#9aa4f0}.dot{fill:#8fa1b3}.name{fill:#e6edf3}.line{fill:#b4c0cc}"
    ".edge{stroke:#8fa1b3}.back{stroke:#e0a458}.start{stroke:#8fa1b3}"
    ".label{fill:#e6edf3;stroke:#10161c}.tip{fill:#8fa1b3}.backtip{fill:#e0a458}"
    "}</style>\n";

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        // XML has no way to write control characters.
        if (static_cast<unsigned char>(c) >= 0x20U) {
          out.push_back(c);
        }
    }
  }
  return out;
}

std::string marker(std::string_view name) {
  return concat(
      "<marker id=\"",
      name,
      "\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"8\" markerHeight=\"8\" "
      "markerUnits=\"userSpaceOnUse\" orient=\"auto\"><path class=\"",
      name,
      "\" d=\"M0 0L8 4L0 8z\"/></marker>"
  );
}

std::string point(std::int64_t x, std::int64_t y) {
  return concat(x, " ", y);
}

class SvgWriter {
 public:
  explicit SvgWriter(const Scene& scene) : scene_(scene) {}

  std::string run() {
    const std::string size = concat("width=\"", scene_.width, "\" height=\"", scene_.height, "\"");
    out_ = concat("<svg xmlns=\"http://www.w3.org/2000/svg\" ", size);
    out_ += concat(" viewBox=\"0 0 ", scene_.width, " ", scene_.height, "\" role=\"img\"");
    out_ += concat(
        " aria-labelledby=\"title desc\">\n<title id=\"title\">",
        escaped(scene_.name),
        "</title>\n<desc id=\"desc\">",
        escaped(summary()),
        "</desc>\n",
        kStyle
    );
    out_ += concat("<defs>", marker("tip"), marker("backtip"), "</defs>\n");
    out_ += concat("<rect class=\"paper\" ", size, "/>\n");
    for (const SceneEdge& edge : scene_.edges) {
      draw_edge(edge);
    }
    for (const SceneNode& node : scene_.nodes) {
      draw_node(node);
    }
    for (const SceneEdge& edge : scene_.edges) {
      draw_label(edge);
    }
    out_ += "</svg>\n";
    return std::move(out_);
  }

 private:
  /// For those who cannot see the drawing.
  std::string summary() const {
    constexpr std::size_t kNamesMax = 20;
    std::vector<std::string> names;
    std::size_t tasks = 0;
    for (const SceneNode& node : scene_.nodes) {
      if (!node.task) {
        continue;
      }
      if (++tasks <= kNamesMax) {
        names.push_back(node.state.empty() ? node.title : concat(node.title, " ", node.state));
      }
    }
    return concat(
        scene_.description,
        scene_.description.empty() ? "" : " ",
        tasks,
        tasks == 1 ? " task: " : " tasks: ",
        join(names, ", "),
        tasks > kNamesMax ? ", …" : ""
    );
  }

  static bool leads_back(const SceneEdge& edge) {
    return edge.kind == EdgeKind::Back || edge.kind == EdgeKind::Revise;
  }

  void draw_edge(const SceneEdge& edge) {
    const bool back = leads_back(edge);
    const std::string_view look = back ? "back" : edge.kind == EdgeKind::Trigger ? "start" : "edge";
    out_ += concat("<path class=\"", look, "\" marker-end=\"url(#", back ? "backtip" : "tip");
    out_ += concat(")\" d=\"", back ? corners(edge.points) : curve(edge.points), "\"/>\n");
  }

  static std::string curve(const std::vector<ScenePoint>& points) {
    std::string line = concat("M", point(points[0].x, points[0].y));
    for (std::size_t i = 1; i < points.size(); ++i) {
      const ScenePoint from = points[i - 1];
      const ScenePoint to = points[i];
      if (from.x == to.x) {
        line += concat("L", point(to.x, to.y));
        continue;
      }
      const std::int64_t middle = (from.y + to.y) / 2;
      line += concat("C", point(from.x, middle), " ", point(to.x, middle), " ", point(to.x, to.y));
    }
    return line;
  }

  static ScenePoint towards(ScenePoint from, ScenePoint to, std::int64_t distance) {
    const auto step = [distance](std::int64_t a, std::int64_t b) {
      return a == b ? a : a + std::clamp(b - a, -distance, distance);
    };
    return {step(from.x, to.x), step(from.y, to.y)};
  }

  /// Straight pieces with round corners.
  static std::string corners(const std::vector<ScenePoint>& points) {
    std::string line = concat("M", point(points[0].x, points[0].y));
    for (std::size_t i = 1; i + 1 < points.size(); ++i) {
      const ScenePoint before = towards(points[i], points[i - 1], kCorner);
      const ScenePoint after = towards(points[i], points[i + 1], kCorner);
      line += concat("L", point(before.x, before.y), "Q", point(points[i].x, points[i].y), " ");
      line += point(after.x, after.y);
    }
    return concat(line, "L", point(points.back().x, points.back().y));
  }

  void draw_label(const SceneEdge& edge) {
    if (edge.label.empty()) {
      return;
    }
    out_ +=
        concat("<text class=\"label\" x=\"", edge.label_at.x, "\" y=\"", edge.label_at.y, "\">");
    out_ += concat(leads_back(edge) ? "↺ " : "", escaped(edge.label), "</text>\n");
  }

  static std::string look_of(const SceneNode& node) {
    std::string look = node.kind == NodeKind::Trigger ? "trigger" : "box";
    if (node.kind == NodeKind::Gate || node.kind == NodeKind::Noop) {
      look += concat(" ", to_string(node.kind));
    } else if (node.kind == NodeKind::Mission || node.kind == NodeKind::Await) {
      look += " mission";
    } else if (node.kind == NodeKind::Request || node.kind == NodeKind::Message) {
      look += " request";
    }
    look += node.entry ? " entry" : "";
    if (!node.state.empty()) {
      look += concat(" ", state_class(node.state));
    }
    return look;
  }

  void draw_node(const SceneNode& node) {
    const ScenePoint at = node.at;
    const std::int64_t middle = at.x + node.width / 2;
    if (node.kind == NodeKind::Start) {
      out_ += concat("<circle class=\"dot\" cx=\"", middle, "\" cy=\"", at.y + node.height / 2);
      out_ += concat("\" r=\"", node.height / 2, "\"/>\n");
      return;
    }
    out_ += "<g>";
    if (!node.description.empty()) {
      out_ += concat("<title>", escaped(node.description), "</title>");
    }
    if (node.fan_out) {
      draw_rectangle(node, look_of(node), 6);
      draw_rectangle(node, look_of(node), 3);
    }
    draw_shape(node);
    std::int64_t y = at.y + kLineHeight + 4;
    out_ += concat("<text class=\"name\" x=\"", middle, "\" y=\"", y, "\">");
    out_ += concat(escaped(node.title), "</text>");
    for (const std::string& line : node.lines) {
      y += kLineHeight;
      out_ += concat("<text class=\"line\" x=\"", middle, "\" y=\"", y, "\">", escaped(line));
      out_ += "</text>";
    }
    out_ += "</g>\n";
  }

  void draw_shape(const SceneNode& node) {
    const std::string look = look_of(node);
    if (node.kind == NodeKind::Gate) {
      draw_hexagon(node, look);
      return;
    }
    draw_rectangle(node, look, 0);
    if (node.kind == NodeKind::Mission) {
      const std::int64_t bottom = node.at.y + node.height;
      for (const std::int64_t x : {node.at.x + 7, node.at.x + node.width - 7}) {
        out_ += concat("<path class=\"inner\" d=\"M", point(x, node.at.y), "L", point(x, bottom));
        out_ += "\"/>";
      }
    }
  }

  void draw_rectangle(const SceneNode& node, const std::string& look, std::int64_t shift) {
    const bool round = node.always_run || node.kind == NodeKind::Trigger;
    out_ += concat("<rect class=\"", look, "\" x=\"", node.at.x + shift, "\" y=\"");
    out_ += concat(node.at.y + shift, "\" width=\"", node.width, "\" height=\"", node.height);
    out_ += concat("\" rx=\"", round ? std::min<std::int64_t>(node.height / 2, 20) : 6, "\"/>");
  }

  void draw_hexagon(const SceneNode& node, const std::string& look) {
    const std::int64_t left = node.at.x;
    const std::int64_t right = left + node.width;
    const std::int64_t top = node.at.y;
    const std::int64_t bottom = top + node.height;
    const std::int64_t middle = (top + bottom) / 2;
    out_ += concat("<path class=\"", look, "\" d=\"M", point(left + kSlope, top));
    out_ += concat("L", point(right - kSlope, top), "L", point(right, middle));
    out_ += concat("L", point(right - kSlope, bottom), "L", point(left + kSlope, bottom));
    out_ += concat("L", point(left, middle), "z\"/>");
  }

  const Scene& scene_;
  std::string out_;
};

}  // namespace

std::string draw_svg(const Scene& scene) {
  return SvgWriter(scene).run();
}

}  // namespace reeve::workflow
