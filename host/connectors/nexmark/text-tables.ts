import { JavaRandom } from './java-random.ts';

/**
 * The two letters that a number from -675 to 675 stands for, at the number plus `LETTERS_ZERO`: two digits to the base 26, the
 * lower one in the lower byte. A negative number counts down from `a`, as the remainders of a negative number do.
 */
export const LETTERS_ZERO = 675;
export const LETTERS: Int32Array = Int32Array.from({ length: 2 * LETTERS_ZERO + 1 }, (_, i) => {
  const value = i - LETTERS_ZERO;
  const letterA = 0x61;
  return (letterA + (value % 26)) | ((letterA + Math.trunc(value / 26)) << 8);
});

export const FIRST_NAMES = texts('Peter,Paul,Luke,John,Saul,Vicky,Kate,Julie,Sarah,Deiter,Walter');
export const LAST_NAMES = texts('Shultz,Abrams,Spencer,White,Bartels,Walton,Smith,Jones,Noris');
export const CITIES = texts(
  'Phoenix,Los Angeles,San Francisco,Boise,Portland,Bend,Redmond,Seattle,Kent,Cheyenne',
);
export const STATES = texts('AZ,CA,ID,OR,WA,WY');

function texts(list: string): readonly Uint8Array[] {
  return list.split(',').map((text) => new TextEncoder().encode(text));
}

/** Channels that half of the bids come through, and the others. */
export const HOT_CHANNELS = 4;
export const COLD_CHANNELS = 10_000;
const HOT_CHANNEL_NAMES = ['Google', 'Facebook', 'Baidu', 'Apple'];

/**
 * Name and address of every channel, hot ones first, in 32-bit words for quick copying: bytes of the name, bytes of the
 * address, the name (`CHANNEL_NAME_WORDS`), the address.
 */
export const CHANNEL_NAME_WORDS = 3;
const CHANNEL_URL_WORDS = 20;
export const CHANNEL_WORDS = 2 + CHANNEL_NAME_WORDS + CHANNEL_URL_WORDS;
export const CHANNEL_NAME_BYTES_MAX = 4 * CHANNEL_NAME_WORDS;
export const CHANNEL_URL_BYTES_MAX = 4 * CHANNEL_URL_WORDS;

let channels: Int32Array | undefined;

/** The table of channels, made when it is first needed; the same in every run. */
export function channelTable(): Int32Array {
  channels ??= makeChannels();
  return channels;
}

function makeChannels(): Int32Array {
  const count = HOT_CHANNELS + COLD_CHANNELS;
  const words = new Int32Array(count * CHANNEL_WORDS);
  const bytes = new Uint8Array(words.buffer);
  const random = new JavaRandom();
  for (let i = 0; i < count; i++) {
    random.seed(i);
    const cold = i - HOT_CHANNELS;
    const name = cold < 0 ? HOT_CHANNEL_NAMES[i] : `channel-${cold}`;
    let url = `https://www.nexmark.com/${segment(random)}/${segment(random)}/${segment(random)}/item.htm?query=1`;
    if (cold >= 0 && random.nextIntBelow(10) > 0) url += `&channel_id=${channelId(cold)}`;
    const at = i * CHANNEL_WORDS;
    words[at] = name.length;
    words[at + 1] = url.length;
    bytes.set(new TextEncoder().encode(name), 4 * (at + 2));
    bytes.set(new TextEncoder().encode(url), 4 * (at + 2 + CHANNEL_NAME_WORDS));
  }
  return words;
}

function segment(random: JavaRandom): string {
  let text = '';
  for (let letters = 3 + random.nextIntBelow(2); letters > 0; letters--) {
    const letter = 0x61 + random.nextIntBelow(26);
    text += random.nextIntBelow(13) === 0 ? '_' : String.fromCharCode(letter);
  }
  return text;
}

/** The channel's number with its bits in reverse order, which scatters neighbours. */
function channelId(number: number): number {
  let reversed = 0;
  for (let bit = 0; bit < 32; bit++) reversed |= ((number >>> bit) & 1) << (31 - bit);
  return Math.abs(reversed);
}
