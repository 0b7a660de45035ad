import { map, record } from '@millrace/guest-sdk';

@record
class Item {
  values: Array<i32>;
  index: i32;
  divisor: i32;
  note: string | null;
}

function pick(item: Item): i32 {
  return item.values[item.index];
}

export const element = map((item: Item): Item => {
  item.index = pick(item);
  return item;
});

export const divide = map((item: Item): Item => {
  const half = 100 / item.divisor;
  item.index = half;
  return item;
});

export const refuse = map((item: Item): Item => {
  if (item.index > 0) {
    throw new Error('index ' + item.index.toString() + ' refused');
  }
  return item;
});

export const measure = map((item: Item): Item => {
  item.index = item.note!.length;
  return item;
});
