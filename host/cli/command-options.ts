import { type Command, InvalidArgumentError } from 'commander';
import type { CommandContext } from './command-parts.ts';

/** Adds an action that gets the context made from the global options; its promise is awaited by commander. */
export type WithContext = (
  action: (context: CommandContext) => Promise<void>,
  command: Command,
) => Promise<void>;

/** A whole number in a range, for option values. */
export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (Number.isInteger(value) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`it must be a whole number from ${min} to ${max}`);
  };
}

/** Collects a repeatable option. */
export function collect(text: string, before: readonly string[]): string[] {
  return [...before, text];
}
