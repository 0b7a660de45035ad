import { Emitter, Rows, Timestamp, Utf8, Window, apply, filter, record } from '@millrace/guest-sdk';

@record
class Click {
  user: Utf8;
  page: string;
  kind: Utf8;
  at: Timestamp;
}

@record
class Session {
  user: Utf8;
  /** In the order in which they were viewed. */
  pages: string;
  events: i32;
  /** From the first view to the last. */
  seconds: i64;
  windowStart: Timestamp;
  windowEnd: Timestamp;
}

export const views = filter((click: Click): bool => click.kind.is('page_view'));

export const session = apply((clicks: Rows<Click>, window: Window, out: Emitter<Session>): void => {
  const session = new Session();
  let first = i64.MAX_VALUE;
  let last = i64.MIN_VALUE;
  const pages = new Array<string>();
  while (clicks.next()) {
    const click = clicks.value;
    session.user = click.user;
    pages.push(click.page);
    if (click.at < first) first = click.at;
    if (click.at > last) last = click.at;
  }
  session.pages = pages.join(' -> ');
  session.events = pages.length;
  session.seconds = (last - first) / 1000;
  out.emit(session);
});
