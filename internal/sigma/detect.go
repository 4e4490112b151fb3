package sigma

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Limits of a rule.
const (
	maxValues = 20_000 // of one rule, after permutations
	maxNested = 32     // maps within lists within maps
)

// item is one line of a selection: a field, what is done to its values, and the
// values. Values are alternatives unless the modifier all joins them. An item
// without a field asks every field of the event.
type item struct {
	field  string
	mods   []string
	values []value
	line   int
}

// value is a value as written. num tells that it stands there without quotes
// and is a number.
type value struct {
	text string
	null bool
	num  bool
}

// branch is the tree of a selection: an item, or branches joined by or or and.
type branch struct {
	any  bool // joined by or
	kids []*branch
	item *item
}

// selection is one named entry of a detection.
type selection struct {
	name string
	root *branch
}

// placed is an error with the line it is about.
type placed struct {
	line int
	err  error
}

// Error gives the text without the line, which stands in Problem.
func (p placed) Error() string { return p.err.Error() }

// Unwrap gives the cause.
func (p placed) Unwrap() error { return p.err }

func wrong(n *yaml.Node, format string, args ...any) error {
	return placed{n.Line, fmt.Errorf(format, args...)}
}

// detection reads the map of selections; the keys in skip are none.
func detection(n *yaml.Node, skip ...string) (sels []selection, conds []*cond, err error) {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil, nil, fmt.Errorf("there is no map of selections")
	}
keys:
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		for _, s := range skip {
			if k.Value == s {
				continue keys
			}
		}
		switch k.Value {
		case "condition":
			if conds, err = conditions(v); err != nil {
				return nil, nil, err
			}
		case "timeframe":
			return nil, nil, wrong(k, "timeframe is no longer part of the language; write a correlation rule")
		default:
			b, err := branchOf(v, 0)
			if err != nil {
				return nil, nil, err
			}
			sels = append(sels, selection{k.Value, b})
		}
	}
	if len(sels) == 0 {
		return nil, nil, wrong(n, "there is no selection")
	}
	if len(conds) == 0 {
		return nil, nil, wrong(n, "there is no condition")
	}
	return sels, conds, nil
}

// conditions reads one condition or a list, whose entries are alternatives.
func conditions(n *yaml.Node) ([]*cond, error) {
	list := []*yaml.Node{n}
	if n = aliased(n); n.Kind == yaml.SequenceNode {
		list = n.Content
	}
	var out []*cond
	for _, c := range list {
		c = aliased(c)
		if c.Kind != yaml.ScalarNode {
			return nil, wrong(c, "a condition must be a text")
		}
		parsed, err := parseCondition(c.Value)
		if err != nil {
			return nil, placed{c.Line, err}
		}
		out = append(out, parsed)
	}
	return out, nil
}

func aliased(n *yaml.Node) *yaml.Node {
	for i := 0; n.Kind == yaml.AliasNode && n.Alias != nil && i < maxNested; i++ {
		n = n.Alias
	}
	return n
}

// branchOf reads a selection: a map, whose lines must all hold; a list of maps
// or of keywords, one of which must; or one keyword.
func branchOf(n *yaml.Node, depth int) (*branch, error) {
	if n = aliased(n); depth > maxNested {
		return nil, wrong(n, "nested deeper than %d", maxNested)
	}
	switch n.Kind {
	case yaml.MappingNode:
		out := &branch{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			it, err := itemOf(n.Content[i], n.Content[i+1])
			if err != nil {
				return nil, err
			}
			out.kids = append(out.kids, &branch{item: it})
		}
		if len(out.kids) == 0 {
			return nil, wrong(n, "the selection is empty")
		}
		return out, nil
	case yaml.SequenceNode:
		out := &branch{any: true}
		words := &item{line: n.Line}
		for _, e := range n.Content {
			e = aliased(e)
			if e.Kind == yaml.ScalarNode {
				words.values = append(words.values, valueOf(e))
				continue
			}
			b, err := branchOf(e, depth+1)
			if err != nil {
				return nil, err
			}
			out.kids = append(out.kids, b)
		}
		if len(words.values) > 0 {
			out.kids = append(out.kids, &branch{item: words})
		}
		if len(out.kids) == 0 {
			return nil, wrong(n, "the selection is empty")
		}
		return out, nil
	case yaml.ScalarNode:
		return &branch{item: &item{line: n.Line, values: []value{valueOf(n)}}}, nil
	}
	return nil, wrong(n, "a selection is a map, a list or a text")
}

func itemOf(k, v *yaml.Node) (*item, error) {
	words := strings.Split(k.Value, "|")
	it := &item{field: words[0], mods: words[1:], line: k.Line}
	v = aliased(v)
	switch v.Kind {
	case yaml.ScalarNode:
		it.values = []value{valueOf(v)}
	case yaml.SequenceNode:
		for _, e := range v.Content {
			if e = aliased(e); e.Kind != yaml.ScalarNode {
				return nil, wrong(e, "%s: a value must be a text, a number, true, false or null", k.Value)
			}
			it.values = append(it.values, valueOf(e))
		}
	default:
		return nil, wrong(v, "%s: a value must be a text, a number, true, false or null, or a list of them", k.Value)
	}
	if len(it.values) == 0 {
		return nil, wrong(v, "%s: the list of values is empty", k.Value)
	}
	return it, nil
}

func valueOf(n *yaml.Node) value {
	switch n.Tag {
	case "!!null":
		return value{null: true}
	case "!!int", "!!float":
		return value{text: n.Value, num: true}
	case "!!bool":
		return value{text: strings.ToLower(n.Value)}
	}
	return value{text: n.Value}
}
