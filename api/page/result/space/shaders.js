// The programs that draw the points, the centres and the box. WebGL 2.

const PLACE = `
uniform mat3 turn;
uniform vec2 focal;
uniform float eye;

vec4 seen(vec3 place) {
  vec3 p = turn * place;
  float depth = eye - p.z;
  // Depths from 1 to 5 are those of the box, with room to spare.
  return vec4(p.xy * focal, (depth - 3.0) / 2.0 * depth, depth);
}
`;

/** A disc for each colour; `lit` is the label that is lit up, -3 for none, and all others fade into the ground. */
export const POINTS = {
  vertex: `#version 300 es
${PLACE}
in vec3 place;
in vec3 own;
in vec3 cluster;
in float diameter;
in float label;
uniform float clustered;
uniform float lit;
uniform float pixels;
uniform vec3 ground;
out vec3 fill;
out vec3 rim;
out float inner;

void main() {
  gl_Position = seen(place);
  gl_PointSize = max(2.0, diameter * pixels * eye / gl_Position.w);
  vec3 color = mix(own, cluster, clustered);
  bool away = lit > -2.5 && abs(label - lit) > 0.5;
  fill = away ? mix(color, ground, 0.88) : color;
  // What is nearly as the ground would vanish, and has an outline.
  float bright = dot(ground, vec3(0.299, 0.587, 0.114));
  float near = 1.0 - smoothstep(0.08, 0.2, distance(color, ground));
  rim = mix(fill, vec3(bright > 0.4 ? bright - 0.3 : bright + 0.3), away ? 0.0 : near);
  inner = 1.0 - 2.0 * pixels / gl_PointSize;
}
`,
  fragment: `#version 300 es
precision mediump float;
in vec3 fill;
in vec3 rim;
in float inner;
out vec4 color;

void main() {
  float far = length(2.0 * gl_PointCoord - 1.0);
  if (far > 1.0) discard;
  color = vec4(far > inner ? rim : fill, 1.0);
}
`,
};

/** A ring for each centre, white and black, filled with its colour. */
export const CENTERS = {
  vertex: `#version 300 es
${PLACE}
in vec3 place;
in vec3 own;
uniform float diameter;
out vec3 fill;

void main() {
  gl_Position = seen(place);
  gl_PointSize = diameter;
  fill = own;
}
`,
  fragment: `#version 300 es
precision mediump float;
in vec3 fill;
out vec4 color;

void main() {
  float far = length(2.0 * gl_PointCoord - 1.0);
  if (far > 1.0) discard;
  color = vec4(far > 0.84 ? vec3(0.0) : far > 0.66 ? vec3(1.0) : fill, 1.0);
}
`,
};

export const LINES = {
  vertex: `#version 300 es
${PLACE}
in vec3 place;

void main() {
  gl_Position = seen(place);
}
`,
  fragment: `#version 300 es
precision mediump float;
uniform vec3 ink;
out vec4 color;

void main() {
  color = vec4(ink, 1.0);
}
`,
};
