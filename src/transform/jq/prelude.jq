# What the interpreter lacks, or does in another way than jq. Later definitions win.

def del(f): delpaths([path(f)]);
def walk(f): def w: if type == "object" then map_values(w) elif type == "array" then map(w) else . end | f; w;
def to_entries: [keys_unsorted[] as $k | {key: $k, value: .[$k]}];
def from_entries: reduce .[] as $x ({};
  . + { ($x | if .key == null then .k // .name // .Name // .K // .Key else .key end
        | if type == "string" then . else tojson end):
        ($x | if has("value") then .value elif has("v") then .v else .Value end) });
def with_entries(f): to_entries | map(f) | from_entries;
def join($x): reduce .[] as $i (null;
  (if . == null then "" else . + $x end)
  + ($i | if . == null then "" elif type == "string" then . else tojson end)) // "";
def input: first(inputs, error("no more inputs"));

def isboolean: type == "boolean";
def isnumber: type == "number";
def isstring: type == "string";
def isarray: type == "array";
def isobject: type == "object";
def values: select(. != null);
def nulls: select(. == null);
def booleans: select(type == "boolean");
def numbers: select(type == "number");
def strings: select(type == "string");
def arrays: select(type == "array");
def objects: select(type == "object");
def iterables: select(type | . == "array" or . == "object");
def scalars: select(type | . != "array" and . != "object");
def isnan: type == "number" and . != .;
def isinfinite: . == infinite or . == -infinite;
def isnormal: type == "number" and . != 0 and (isnan or isinfinite | not);
def toarray: if type == "array" then . else [.] end;
def toboolean:
  if type == "boolean" then . elif . == "true" then true elif . == "false" then false
  else error("cannot be read as a boolean") end;
def transpose: if . == [] then [] else . as $in | (map(length) | max) as $n | [range($n) as $i | [$in[][$i]]] end;
def in(xs): . as $x | xs | has($x);
def inside(xs): . as $x | xs | contains($x);
def index($i): indices($i)[0];
def rindex($i): indices($i)[-1];
def ltrimstr($x): if type == "string" and ($x | type) == "string" and startswith($x) then .[$x | length:] else . end;
def rtrimstr($x):
  if type == "string" and ($x | type) == "string" and $x != "" and endswith($x) then .[:length - ($x | length)]
  else . end;
def trimstr($x): ltrimstr($x) | rtrimstr($x);
def abs: if type == "number" and . < 0 then -. else . end;
def scalars_or_empty: scalars;
def leaf_paths: paths(scalars);
def recurse_down: recurse;
def date: todate;
def dateadd(u; n): . + n;
def datesub(u; n): . - n;
def tostream:
  path(def r: (.[]? | r), .; r) as $p | getpath($p)
  | reduce path(.[]?) as $q ([$p, .]; [$p + $q]);
def fromstream(f): {x: null, e: false} as $init
  | foreach f as $i ($init;
      if .e then $init else . end
      | if $i | length == 2
        then setpath(["e"]; $i[0] | length == 0) | setpath(["x"] + $i[0]; $i[1])
        else setpath(["e"]; $i[0] | length == 1) end;
      if .e then .x else empty end);
def truncate_stream(stream): . as $n | null | stream | . as $input
  | if (.[0] | length) > $n then setpath([0]; .[0][$n:]) else empty end;
def limit($n; f): if $n > 0 then label $out | foreach f as $x (0; . + 1; $x, if . >= $n then break $out else empty end)
  elif $n == 0 then empty else f end;
def INDEX(stream; f): reduce stream as $row ({}; .[$row | f | tostring] |= $row);
def INDEX(f): INDEX(.[]; f);
def IN(s): any(s == .; .);
def IN(src; s): any(src == s; .);
def JOIN($idx; f): [.[] | [., $idx[f]]];
def JOIN($idx; stream; f): stream | [., $idx[f]];
def JOIN($idx; stream; f; g): stream | [., $idx[f]] | g;
def add(f): reduce f as $x (null; . + $x);
def add: add(.[]);
def have_literal_numbers: true;
def have_decnum: false;

# A regular expression may come with its flags, as an array.
def _named: [.captures[] | select(.name != null) | {key: .name, value: .string}] | from_entries;
def test(re): re as $re | if $re | type == "array" then test($re[0]; $re[1]) else test($re; null) end;
def match(re; flags): _matches(re; flags)[];
def match(re): re as $re | if $re | type == "array" then match($re[0]; $re[1]) else match($re; null) end;
def capture(re; flags): match(re; flags) | _named;
def capture(re): match(re) | _named;
def scan(re; flags): match(re; "g" + flags)
  | if .captures == [] then .string else [.captures[].string] end;
def scan(re): scan(re; null);
def split(re; flags): [_pieces(re; flags + "g")[] | strings];
def splits(re; flags): split(re; flags)[];
def splits(re): splits(re; null);
def sub(re; f; flags):
  reduce _pieces(re; flags)[] as $x (""; . + ($x | if type == "object" then _named | f else . end));
def sub(re; f): sub(re; f; null);
def gsub(re; f; flags): sub(re; f; flags + "g");
def gsub(re; f): sub(re; f; "g");
def gamma: lgamma;

def @json: tojson;
def @text: tostring;
def format($name):
  if $name == "text" then @text elif $name == "json" then @json elif $name == "csv" then @csv
  elif $name == "tsv" then @tsv elif $name == "html" then @html elif $name == "uri" then @uri
  elif $name == "sh" then @sh elif $name == "base64" then @base64 elif $name == "base64d" then @base64d
  else error("not a valid format") end;
