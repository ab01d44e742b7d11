"use strict";
(() => {
  const NEAR = 16; // pixels
  const SVG = "http://www.w3.org/2000/svg";
  const store = document.getElementById("structures");
  const { crystals, elements } = store
    ? JSON.parse(store.dataset.structures)
    : { crystals: {}, elements: {} };

  const make = (name, kind, text = "") => {
    const element = document.createElement(name);
    element.className = kind;
    element.textContent = text;
    return element;
  };
  const shape = (name, attributes) => {
    const element = document.createElementNS(SVG, name);
    Object.entries(attributes).forEach(([key, value]) => element.setAttribute(key, value));
    return element;
  };
  const digits = (value, sign = false) => {
    const text = String(Number(value.toPrecision(4))).replace("-", "−");
    return sign && value > 0 ? `+${text}` : text;
  };

  // A crystal that turns with the pointer and with the arrow keys.
  const draw = (crystal, name) => {
    const picture = shape("svg", { viewBox: "-100 -100 200 200", tabindex: 0, role: "img" });
    picture.setAttribute("aria-label", `Crystal structure of ${name}; arrow keys turn it`);
    const all = [...crystal.balls.map((b) => b.slice(0, 3)), ...crystal.edges.flat()];
    const middle = [0, 1, 2].map((k) => all.reduce((sum, p) => sum + p[k], 0) / all.length);
    const reach = Math.max(
      ...crystal.balls.map((b) => Math.hypot(...middle.map((m, k) => b[k] - m)) + elements[b[3]][2]),
      ...crystal.edges.flat().map((p) => Math.hypot(...middle.map((m, k) => p[k] - m))),
    );
    const scale = 96 / reach;
    let [yaw, pitch] = [0.35, 0.25];
    const seen = (p) => {
      const [x, y, z] = middle.map((m, k) => (p[k] - m) * scale);
      const [cy, sy, cp, sp] = [Math.cos(yaw), Math.sin(yaw), Math.cos(pitch), Math.sin(pitch)];
      const [u, depth] = [cy * x + sy * y, cy * y - sy * x];
      return [u, -(cp * z + sp * depth), sp * z - cp * depth];
    };
    const render = () => {
      const parts = [];
      const line = (from, to, stroke, width) =>
        parts.push([
          (from[2] + to[2]) / 2,
          shape("line", {
            x1: from[0], y1: from[1], x2: to[0], y2: to[1], stroke,
            "stroke-width": width, "stroke-linecap": "round",
          }),
        ]);
      const places = crystal.balls.map(seen);
      crystal.edges.forEach(([from, to]) => line(seen(from), seen(to), "#9aa5b1", 0.8));
      crystal.sticks.forEach(([one, other]) => {
        const half = places[one].map((value, k) => (value + places[other][k]) / 2);
        line(places[one], half, elements[crystal.balls[one][3]][1], 0.16 * scale);
        line(half, places[other], elements[crystal.balls[other][3]][1], 0.16 * scale);
      });
      crystal.balls.forEach(([, , , number, image], k) => {
        const [, color, radius] = elements[number];
        const [cx, cy, depth] = places[k];
        const ball = shape("circle", {
          cx, cy, r: radius * scale, fill: color, stroke: "#4a5663", "stroke-width": 0.6,
          opacity: image ? 0.45 : 1,
        });
        parts.push([depth, ball]);
      });
      parts.sort((a, b) => a[0] - b[0]);
      picture.replaceChildren(...parts.map(([, element]) => element));
    };
    const turn = (right, up) => {
      yaw -= right;
      pitch = Math.max(-1.5, Math.min(1.5, pitch + up));
      render();
    };
    picture.addEventListener("pointerdown", (event) => picture.setPointerCapture(event.pointerId));
    picture.addEventListener("pointermove", (event) => {
      if (event.buttons) turn(event.movementX / 120, event.movementY / 120);
    });
    picture.addEventListener("keydown", (event) => {
      const way = {
        ArrowLeft: [-0.15, 0], ArrowRight: [0.15, 0], ArrowUp: [0, -0.15], ArrowDown: [0, 0.15],
      }[event.key];
      if (!way) return;
      event.preventDefault();
      event.stopPropagation();
      turn(...way);
    });
    render();
    return picture;
  };

  const legend = (crystal) => {
    const list = make("p", "note");
    [...new Set(crystal.balls.map((ball) => ball[3]))].forEach((number) => {
      const dot = make("i", "dot");
      dot.style.background = elements[number][1];
      list.append(dot, `${elements[number][0]} `);
    });
    return list;
  };

  document.querySelectorAll(".parity").forEach((frame) => {
    const { unit, rows } = JSON.parse(frame.dataset.points);
    const picture = frame.querySelector("svg");
    const stage = make("div", "points");
    const ring = make("span", "ring");
    const tip = make("div", "tip");
    const panel = make("div", "crystal");
    picture.replaceWith(stage);
    stage.append(picture, ring, tip);
    frame.append(panel);
    tip.setAttribute("role", "status");
    stage.tabIndex = 0;
    stage.setAttribute("role", "group");
    stage.setAttribute(
      "aria-label",
      `${rows.length} points. Arrow keys go from the largest error to smaller ones, Enter shows the structure.`,
    );
    [ring, tip, panel].forEach((element) => { element.hidden = true; });
    const amount = (value, sign) => `${digits(value, sign)}${unit ? ` ${unit}` : ""}`;
    const words = ([, , id, formula, part, target, predicted]) => [
      [formula, id].filter(Boolean).join(" · "),
      `error ${amount(predicted - target, true)}`,
      `target ${amount(target)}, predicted ${amount(predicted)}, ${part}`,
    ];
    let current = -1;
    const select = (index) => {
      current = index;
      [ring, tip].forEach((element) => { element.hidden = index < 0; });
      if (index < 0) return;
      const row = rows[index];
      tip.replaceChildren(...words(row).map((text, k) => make(k ? "div" : "b", "", text)));
      const { clientWidth: width, clientHeight: height } = stage;
      const [x, y] = [row[0] * width, row[1] * height];
      ring.style.left = `${x}px`;
      ring.style.top = `${y}px`;
      tip.style.left = `${Math.max(0, Math.min(x + 12, width - tip.offsetWidth))}px`;
      tip.style.top = `${y + 14 + tip.offsetHeight > height ? y - 14 - tip.offsetHeight : y + 14}px`;
    };
    const nearest = (event) => {
      const box = stage.getBoundingClientRect();
      const [x, y] = [event.clientX - box.left, event.clientY - box.top];
      let [best, least] = [-1, NEAR];
      rows.forEach((row, index) => {
        const far = Math.hypot(row[0] * box.width - x, row[1] * box.height - y);
        if (far < least) [best, least] = [index, far];
      });
      return best;
    };
    const open = (index) => {
      if (index < 0) return;
      const row = rows[index];
      const crystal = Object.hasOwn(crystals, row[2]) ? crystals[row[2]] : null;
      const [head, ...more] = words(row);
      panel.replaceChildren(make("b", "", head), ...more.map((text) => make("div", "", text)));
      if (crystal) panel.append(draw(crystal, row[3] || row[2]), legend(crystal));
      else panel.append(make("p", "note", "The structure of this crystal is not in this page."));
      panel.hidden = false;
    };
    stage.addEventListener("pointermove", (event) => select(nearest(event)));
    stage.addEventListener("pointerleave", () => {
      if (document.activeElement !== stage) select(-1);
    });
    stage.addEventListener("click", (event) => {
      const index = nearest(event);
      select(index);
      open(index);
    });
    stage.addEventListener("blur", () => select(-1));
    stage.addEventListener("keydown", (event) => {
      const last = rows.length - 1;
      const next = {
        ArrowRight: Math.min(current + 1, last), ArrowDown: Math.min(current + 1, last),
        ArrowLeft: Math.max(current - 1, 0), ArrowUp: Math.max(current - 1, 0),
        Home: 0, End: last,
      }[event.key];
      if (next !== undefined) select(next);
      else if (event.key === "Enter" || event.key === " ") open(current);
      else if (event.key === "Escape") {
        panel.hidden = true;
        select(-1);
      } else return;
      event.preventDefault();
    });
    frame.dataset.ready = "true";
  });
})();
