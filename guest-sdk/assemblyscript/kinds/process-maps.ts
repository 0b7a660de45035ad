/** Text of the class that stands for a map state: entries are asked for one by one, and handed over as they are written. */
import type { FunctionModel, MapModel } from '../module-model.ts';
import { fieldOf, nullPlace, optionalField, recordText } from './process-export.ts';

export function generateMapHandle(
  fn: FunctionModel,
  map: MapModel,
  { index, name }: { readonly index: number; readonly name: string },
): string {
  const entry = `${name}_entry`;
  const [key, value] = [map.key.code, map.value.code];
  const fields = [
    fieldOf(fn, 0, { name: 'key', type: map.key }),
    fieldOf(fn, 1, { name: 'value', type: optionalField(map.value) }),
  ];
  const isNumber = map.value.kind === 'scalar';
  const { byte, mask } = nullPlace(1, 2);
  const valueAt = (row: string) => {
    const view = `__mr_map_view<${entry}>(${row}).value`;
    return isNumber ? view : `changetype<${value}>(changetype<usize>(${view}))`;
  };
  const at = `$entry.__mr_row + ${byte}`;
  // A new row of a number has it, as 0.
  const unset = isNumber ? `store<u8>(${at}, load<u8>(${at}) | ${mask});` : '';
  const place = `${index}, ${map.isBroadcast}`;
  const find = `__mr_map_find<${key}>(${place}, key)`;
  return `${recordText(fn, entry, fields)}
  @final class ${name} {
    has(key: ${key}): bool { return ${find} != 0; }
    get(key: ${key}): ${value} {
      const $row = ${find};
      if ($row == 0) __mr_no_value(${JSON.stringify(map.name)});
      return ${valueAt('$row')};
    }
    or(key: ${key}, fallback: ${value}): ${value} {
      const $row = ${find};
      return $row == 0 ? fallback : ${valueAt('$row')};
    }
    set(key: ${key}, value: ${value}): void {
      const $entry = new ${entry}();
      $entry.key = key;
      $entry.value = value;
      __mr_map_write<${key}, ${entry}>(${place}, key, $entry, false);
    }
    delete(key: ${key}): void {
      if (${find} == 0) return;
      const $entry = new ${entry}();
      $entry.key = key;
      ${unset}
      __mr_map_write<${key}, ${entry}>(${place}, key, $entry, true);
    }
    get size(): i32 { return __mr_map_rows<${key}, ${entry}>(${place}).length; }
    keys(): Array<${key}> {
      const $rows = __mr_map_rows<${key}, ${entry}>(${place});
      const $keys = new Array<${key}>(0);
      for (let $i = 0; $i < $rows.length; $i++) $keys.push(__mr_map_view<${entry}>($rows[$i]).key);
      return $keys;
    }
    values(): Array<${value}> {
      const $rows = __mr_map_rows<${key}, ${entry}>(${place});
      const $values = new Array<${value}>(0);
      for (let $i = 0; $i < $rows.length; $i++) $values.push(${valueAt('$rows[$i]')});
      return $values;
    }
    clear(): void {
      const $keys = this.keys();
      for (let $i = 0; $i < $keys.length; $i++) this.delete($keys[$i]);
    }
  }`;
}
