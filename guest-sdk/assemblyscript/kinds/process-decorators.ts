/** Decorators of the classes that are called for records and timers. */
export const PROCESS_DECORATORS = ['process', 'coProcess', 'broadcastProcess'] as const;
