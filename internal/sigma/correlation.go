package sigma

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// The types of correlation.
const (
	EventCount      = "event_count"      // how many events
	ValueCount      = "value_count"      // how many different values of a field
	Temporal        = "temporal"         // events of all rules, in any order
	TemporalOrdered = "temporal_ordered" // events of all rules, in the order of the rules
	ValueSum        = "value_sum"        // the numbers in a field, added
	ValueAvg        = "value_avg"        // their mean
	ValuePercentile = "value_percentile" // their percentile, or how rare a value is
)

var correlationTypes = []string{EventCount, ValueCount, Temporal, TemporalOrdered, ValueSum, ValueAvg, ValuePercentile}

// Correlation is a question about several matches of other rules, or of other
// correlations, within a span of time.
type Correlation struct {
	Type       string
	Rules      []string // ids or names
	GroupBy    []string
	Span       time.Duration
	Fields     []string // the field whose values count; several make a tuple
	Percentile float64  // of value_percentile; -1: rarity of the value itself, in percent
	Generate   bool     // the named rules speak by themselves too
	Bounds     []Bound
	aliases    map[string]map[string]string // alias → rule → field
}

// Bound is one limit that the count must keep.
type Bound struct {
	Op    string // gt gte lt lte eq neq
	Value float64
}

func (b Bound) holds(v float64) bool {
	switch b.Op {
	case "gt":
		return v > b.Value
	case "gte":
		return v >= b.Value
	case "lt":
		return v < b.Value
	case "lte":
		return v <= b.Value
	case "eq":
		return v == b.Value
	}
	return v != b.Value
}

// holds reports whether a count keeps all limits.
func (c *Correlation) holds(v float64) bool {
	for _, b := range c.Bounds {
		if !b.holds(v) {
			return false
		}
	}
	return true
}

// patient reports whether the count can only be judged when the span is over:
// with a limit from above, what is few now may be many in a moment.
func (c *Correlation) patient() bool {
	if c.Type == Temporal || c.Type == TemporalOrdered || c.rarity() {
		return false
	}
	for _, b := range c.Bounds {
		if b.Op != "gt" && b.Op != "gte" {
			return true
		}
	}
	return false
}

func (c *Correlation) rarity() bool { return c.Type == ValuePercentile && c.Percentile < 0 }

func correlationOf(n *yaml.Node) (*Correlation, error) {
	c := &Correlation{
		Type: text(n, "type"), Rules: texts(n, "rules"), GroupBy: texts(n, "group-by"),
		Generate: strings.EqualFold(text(n, "generate"), "true"), Percentile: -1,
	}
	if !slices.Contains(correlationTypes, c.Type) {
		return nil, wrong(n, "correlation type %q is not known: %s are", c.Type, strings.Join(correlationTypes, ", "))
	}
	if len(c.Rules) == 0 {
		return nil, wrong(n, "the correlation names no rules")
	}
	if len(c.Rules) > 256 {
		return nil, wrong(n, "the correlation names more than 256 rules")
	}
	var err error
	if c.Span, err = span(text(n, "timespan")); err != nil {
		return nil, wrong(n, "%v", err)
	}
	if err := c.condition(get(n, "condition")); err != nil {
		return nil, err
	}
	return c, c.alias(get(n, "aliases"))
}

// span reads 15s, 5m, 1h, 7d.
func span(s string) (time.Duration, error) {
	unit := map[byte]time.Duration{'s': time.Second, 'm': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour}
	if len(s) >= 2 && unit[s[len(s)-1]] > 0 {
		n, err := strconv.Atoi(s[:len(s)-1])
		d := time.Duration(n) * unit[s[len(s)-1]]
		if err == nil && n > 0 && n < 1_000_000_000 && d <= 3660*24*time.Hour && d > 0 {
			return d, nil
		}
	}
	return 0, fmt.Errorf("timespan %q is not a number with s, m, h or d behind it", s)
}

func (c *Correlation) condition(n *yaml.Node) error {
	ordered := c.Type == Temporal || c.Type == TemporalOrdered
	if n == nil || n.Kind != yaml.MappingNode {
		if ordered {
			return nil
		}
		return fmt.Errorf("%s wants a condition such as gte: 10", c.Type)
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i].Value, aliased(n.Content[i+1])
		switch k {
		case "field":
			c.Fields = texts(n, "field")
		case "percentile":
			p, err := strconv.ParseFloat(v.Value, 64)
			if err != nil || !(p >= 0 && p <= 100) {
				return wrong(v, "percentile %q is not a number from 0 to 100", v.Value)
			}
			c.Percentile = p
		case "gt", "gte", "lt", "lte", "eq", "neq":
			f, err := strconv.ParseFloat(v.Value, 64)
			if err != nil || f != f {
				return wrong(v, "%s %q is not a number", k, v.Value)
			}
			c.Bounds = append(c.Bounds, Bound{k, f})
		default:
			return wrong(n.Content[i], "%q is not known in the condition of a correlation", k)
		}
	}
	counts := c.Type == ValueCount || c.Type == ValueSum || c.Type == ValueAvg || c.Type == ValuePercentile
	switch {
	case len(c.Bounds) == 0 && !ordered:
		return wrong(n, "the condition has none of gt, gte, lt, lte, eq, neq")
	case counts && len(c.Fields) == 0:
		return wrong(n, "%s wants the name of a field in its condition", c.Type)
	case c.Type == ValueCount && slices.ContainsFunc(c.Bounds, func(b Bound) bool { return b.Value >= maxMemos }):
		return wrong(n, "value_count remembers fewer than %d different values", maxMemos)
	case c.Type == TemporalOrdered && len(c.Bounds) > 0 && !c.holds(float64(len(c.Rules))):
		return wrong(n, "temporal_ordered wants all its rules; its condition excludes that")
	}
	return nil
}

func (c *Correlation) alias(n *yaml.Node) error {
	if n == nil {
		return nil
	}
	if n.Kind != yaml.MappingNode {
		return wrong(n, "aliases is not a map of alias, rule and field")
	}
	c.aliases = map[string]map[string]string{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		m := aliased(n.Content[i+1])
		if m.Kind != yaml.MappingNode {
			return wrong(m, "alias %s is not a map of rule and field", n.Content[i].Value)
		}
		fields := map[string]string{}
		for j := 0; j+1 < len(m.Content); j += 2 {
			fields[m.Content[j].Value] = aliased(m.Content[j+1]).Value
		}
		c.aliases[n.Content[i].Value] = fields
	}
	return nil
}
