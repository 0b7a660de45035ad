import { Emitter, eventTime, join, record, Utf8 } from '@millrace/guest-sdk';

@record
class Order {
  id: i64;
  item: Utf8;
}

@record
class Payment {
  id: i64;
  cents: i64;
}

@record
class Sale {
  item: string;
  cents: i64;
  paid: bool;
}

export const sale = join((order: Order, payment: Payment): Sale => {
  const sale = new Sale();
  sale.item = order.item.toString();
  sale.cents = payment.cents;
  sale.paid = true;
  return sale;
});

export const anySale = join((order: Order | null, payment: Payment | null): Sale => {
  const sale = new Sale();
  sale.item = order === null ? 'nothing' : order.item.toString();
  sale.cents = payment === null ? -1 : payment.cents;
  sale.paid = payment !== null;
  return sale;
});

export const dear = join((order: Order, payment: Payment | null, out: Emitter<Sale>): void => {
  if (payment === null || payment.cents < 100) return;
  const sale = new Sale();
  sale.item = order.item.toString();
  sale.cents = payment.cents;
  out.emit(sale);
  sale.cents = eventTime(order);
  out.emit(sale);
});
