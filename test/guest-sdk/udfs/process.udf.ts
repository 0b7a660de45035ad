import {
  BroadcastState,
  broadcastProcess,
  Context,
  coProcess,
  Counter,
  Gauge,
  ListState,
  MapState,
  process,
  record,
  ReducingState,
  SideOutput,
  ttl,
  ValueState,
} from '@millrace/guest-sdk';

@record
class Command {
  key: string;
  op: string;
  arg: i64;
}

@record
class Reply {
  key: string;
  text: string;
}

/** Does what its records say; `process-commands.ts` says the same in TypeScript. */
@process
export class Commands {
  count = new ValueState<i64>('count', ttl('100ms'));
  list = new ListState<string>('list');
  pages = new MapState<i64, string>('pages', ttl('150ms'));
  odd = new SideOutput<Reply>('odd');
  commands = new Counter('commands');
  latest = new Gauge('latest');

  process(command: Command, context: Context<Reply>): void {
    const op = command.op;
    const arg = command.arg;
    this.commands.add(1);
    this.latest.set(<f64>arg);
    const time = context.timestamp;
    if (op == 'inc') {
      this.count.value = this.count.or(0) + 1;
      this.reply(context, command.key, 'count ' + this.count.value.toString());
    } else if (op == 'clear') {
      this.count.clear();
    } else if (op == 'push') {
      this.list.add(arg.toString());
      this.reply(context, command.key, this.list.values.join(','));
    } else if (op == 'put') {
      this.pages.set(arg, time.toString());
      this.reply(context, command.key, 'pages ' + this.shown());
    } else if (op == 'drop') {
      this.pages.delete(arg);
    } else if (op == 'pages') {
      this.reply(context, command.key, 'pages ' + this.shown());
    } else if (op == 'get') {
      this.reply(context, command.key, 'page ' + this.pages.or(arg, 'undefined'));
    } else if (op == 'timer') {
      context.timers.eventTime(time + arg);
    } else if (op == 'untimer') {
      context.timers.deleteEventTime(time + arg);
    } else if (op == 'ptimer') {
      context.timers.processingTime(context.now + arg);
    } else if (op == 'unptimer') {
      context.timers.deleteProcessingTime(context.now + arg);
    } else if (op == 'odd') {
      this.say(command.key, 'odd ' + this.count.or(0).toString());
    } else {
      this.count.value = 1000;
      this.pages.set(1, 'lost');
      context.timers.eventTime(time + 1);
      this.reply(context, command.key, 'lost');
      throw new Error('asked for');
    }
  }

  onTimer(time: i64, key: Command, context: Context<Reply>): void {
    this.count.value = this.count.or(0) + 1;
    const what = context.isProcessingTime ? 'clock ' : 'timer ';
    const text = what + time.toString() + ' ' + this.count.value.toString() + ' ' + this.list.length.toString();
    this.reply(context, key.key, text);
    if (context.isProcessingTime) {
      if (time % 4 == 0) context.timers.processingTime(time + 7);
      return;
    }
    if (time % 3 == 0) context.timers.eventTime(time + 1);
    if (time % 5 == 0) context.timers.deleteEventTime(time + 2);
    if (time % 7 == 0) this.say(key.key, 'at ' + time.toString());
  }

  private reply(context: Context<Reply>, key: string, text: string): void {
    const reply = new Reply();
    reply.key = key;
    reply.text = text;
    context.emit(reply);
  }

  private say(key: string, text: string): void {
    const reply = new Reply();
    reply.key = key;
    reply.text = text;
    this.odd.emit(reply);
  }

  private shown(): string {
    const keys = this.pages.keys();
    const values = this.pages.values();
    let text = '[';
    for (let i = 0; i < keys.length; i++) {
      if (i > 0) text += ',';
      text += '[' + keys[i].toString() + ',"' + values[i] + '"]';
    }
    return text + ']';
  }
}

@record
class Click {
  user: i64;
  page: string;
}

@record
class Visit {
  clicks: i32;
  first: string;
  last: Click;
}

/** Every kind of state, with records, text and numbers in it. */
@process
export class Visits {
  visit = new ValueState<Visit>('visit');
  seen = new ListState<Click>('seen');
  longest = new ReducingState<Click>('longest', (a: Click, b: Click): Click =>
    a.page.length >= b.page.length ? a : b,
  );
  ratio = new ValueState<f64>('ratio');
  pages = new MapState<string, Visit>('pages');

  process(click: Click, context: Context<Visit>): void {
    const visit = this.visit.isNull ? new Visit() : this.visit.value;
    if (visit.clicks == 0) visit.first = click.page;
    visit.clicks += 1;
    visit.last = click;
    this.visit.value = visit;
    this.seen.add(click);
    this.longest.add(click);
    this.ratio.value = <f64>this.seen.length / 2;
    const page = this.pages.or(click.page, new Visit());
    page.clicks += 1;
    page.first = this.longest.value.page;
    page.last = this.seen.values[0];
    this.pages.set(click.page, page);
    context.emit(this.visit.value);
    context.emit(this.pages.get(click.page));
  }
}

@record
class Payment {
  order: i64;
  cents: i64;
}

@record
class Order {
  id: i64;
  item: string;
}

@record
class Paid {
  id: i64;
  item: string;
  cents: i64;
}

/** Joins by hand: whichever comes first waits, for a hundred milliseconds. */
@coProcess
export class Match {
  order = new ValueState<Order>('order');
  payment = new ValueState<Payment>('payment');
  unmatched = new SideOutput<Order>('unmatched');

  processLeft(order: Order, context: Context<Paid>): void {
    if (this.payment.isNull) {
      this.order.value = order;
      context.timers.eventTime(context.timestamp + 100);
    } else {
      this.pay(order, this.payment.value, context);
    }
  }

  processRight(payment: Payment, context: Context<Paid>): void {
    if (this.order.isNull) this.payment.value = payment;
    else this.pay(this.order.value, payment, context);
  }

  onTimer(time: i64, key: Order, context: Context<Paid>): void {
    if (!this.order.isNull) this.unmatched.emit(this.order.value);
    this.order.clear();
  }

  private pay(order: Order, payment: Payment, context: Context<Paid>): void {
    const paid = new Paid();
    paid.id = order.id;
    paid.item = order.item;
    paid.cents = payment.cents;
    context.emit(paid);
    this.order.clear();
    this.payment.clear();
  }
}

@record
class Rule {
  kind: string;
  limit: i64;
}

@record
class Measured {
  sensor: i64;
  kind: string;
  value: i64;
}

/** Readings above the limit of their kind; the limits come by another stream. */
@broadcastProcess
export class Alerts {
  rules = new BroadcastState<string, Rule>('rules');
  alerts = new ValueState<i32>('alerts');

  process(measured: Measured, context: Context<Measured>): void {
    if (!this.rules.has(measured.kind)) return;
    if (measured.value <= this.rules.get(measured.kind).limit) return;
    this.alerts.value = this.alerts.or(0) + 1;
    measured.sensor = <i64>this.alerts.value;
    context.emit(measured);
  }

  processBroadcast(rule: Rule, context: Context<Measured>): void {
    if (rule.limit < 0) this.rules.delete(rule.kind);
    else this.rules.set(rule.kind, rule);
  }
}
