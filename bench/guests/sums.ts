import { filter, map, record, reduce } from '@millrace/guest-sdk';

@record
class Sale {
  item: i64 = 0;
  amount: i64 = 0;
}

/** Nine sales of ten. */
export const counted = filter((sale: Sale): bool => sale.amount % 10 != 0);

export const doubled = map((sale: Sale): Sale => {
  sale.amount = sale.amount * 2;
  return sale;
});

/** Adds up the amounts of an item. */
export const sum = reduce((a: Sale, b: Sale): Sale => {
  a.amount += b.amount;
  return a;
});
