/** A WebGL node program that draws rings: a service that no agent reports is an outline. */
import { NodeCircleProgram } from 'sigma/rendering';

const ringShader = /* glsl */ `
precision highp float;
varying vec4 v_color;
varying vec2 v_diffVector;
varying float v_radius;
uniform float u_correctionRatio;

void main(void) {
  float soft = u_correctionRatio * 2.0;
  float outside = length(v_diffVector) - v_radius + soft;
  #ifdef PICKING_MODE
  gl_FragColor = outside > soft ? vec4(0.0) : v_color;
  #else
  float width = u_correctionRatio * 3.5;
  float cover = 1.0 - smoothstep(0.0, soft, outside);
  float ring = smoothstep(-width - soft, -width, outside);
  gl_FragColor = v_color * (cover * ring);
  #endif
}`;

export class HollowNodeProgram extends NodeCircleProgram {
  override getDefinition(): ReturnType<NodeCircleProgram['getDefinition']> {
    return { ...super.getDefinition(), FRAGMENT_SHADER_SOURCE: ringShader };
  }
}
