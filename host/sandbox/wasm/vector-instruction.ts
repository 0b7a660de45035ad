import type { BodyWalk } from './body-walk.ts';
import { memoryOperand } from './data-instructions.ts';
import { malformed, refused } from './module-fault.ts';
import {
  VECTOR_ALIGNMENT,
  VECTOR_COST,
  VECTOR_FORM,
  VECTOR_FORMS,
  VECTOR_LANES,
  VECTOR_SIGNATURE,
} from './vector-opcodes.ts';

/** The instructions behind the 0xfd prefix. */
export function vectorInstruction(walk: BodyWalk): void {
  const { reader } = walk;
  const subcode = reader.u32();
  if (subcode > 255) {
    if (subcode < 0x200) refused(walk.at, 'relaxed SIMD: the instruction is not accepted');
    malformed(walk.at, `0xfd ${subcode} is not an instruction`);
  }
  switch (VECTOR_FORMS[subcode]) {
    case VECTOR_FORM.none:
      malformed(walk.at, `0xfd ${subcode} is not an instruction`);
      break;
    case VECTOR_FORM.memory:
      memoryOperand(walk, VECTOR_ALIGNMENT[subcode]);
      break;
    case VECTOR_FORM.memoryLane:
      memoryOperand(walk, VECTOR_ALIGNMENT[subcode]);
      readLane(walk, VECTOR_LANES[subcode]);
      break;
    case VECTOR_FORM.lane:
      readLane(walk, VECTOR_LANES[subcode]);
      break;
    case VECTOR_FORM.constant:
      reader.skip(16);
      break;
    case VECTOR_FORM.shuffle:
      for (let i = 0; i < 16; i++) readLane(walk, 32);
      break;
  }
  walk.wide = true;
  if (!walk.dead) walk.cost += VECTOR_COST[subcode];
  walk.apply(VECTOR_SIGNATURE[subcode]);
}

function readLane(walk: BodyWalk, lanes: number): void {
  const lane = walk.reader.byte();
  if (lane >= lanes) malformed(walk.at, `there is no lane ${lane} of ${lanes}`);
}
