package sigma

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Limits of a file of rules.
const (
	maxFile  = 16 << 20
	maxNodes = 1_000_000 // of one document, aliases followed
)

// ReadRules reads a file of rules: one document or several, of rules,
// correlations and filters, also of the old collections with action: global and
// repeat. name is the file's, for problems; license is the collection's, for
// rules that name none. A document that is wrong becomes a problem, the others
// are read; after broken YAML the reading goes on at the next "---".
func ReadRules(r io.Reader, name, license string) ([]*Rule, []Problem) {
	data, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil {
		return nil, []Problem{{File: name, What: err.Error(), Hint: "see whether the file can be read"}}
	}
	if len(data) > maxFile {
		return nil, []Problem{{File: name, What: fmt.Sprintf("the file is longer than %d bytes", maxFile), Hint: "split it"}}
	}
	c := &collection{file: name, license: license}
	for _, d := range documents(string(data)) {
		c.document(d)
	}
	return c.rules, c.problems
}

// collection is a file while it is read.
type collection struct {
	file, license string
	global        *yaml.Node // what action: global gives to all that follow
	last          *yaml.Node // what action: repeat builds on
	rules         []*Rule
	problems      []Problem
}

type document struct {
	text string
	line int // before its first
}

// documents cuts a file at its lines "---", so that one broken document does
// not take the others along.
func documents(s string) []document {
	var out []document
	line, from, fromLine := 0, 0, 0
	for at := 0; at < len(s); line++ {
		end := len(s)
		if i := strings.IndexByte(s[at:], '\n'); i >= 0 {
			end = at + i + 1
		}
		if t := strings.TrimRight(s[at:end], " \t\r\n"); t == "---" || strings.HasPrefix(t, "--- ") || t == "..." {
			out = append(out, document{s[from:at], fromLine})
			from, fromLine = end, line+1
		}
		at = end
	}
	return append(out, document{s[from:], fromLine})
}

func (c *collection) refuse(line int, rule string, err error, hint string) {
	var at placed
	if errors.As(err, &at) && at.line > 0 {
		line = at.line
	}
	c.problems = append(c.problems, Problem{File: c.file, Line: line, Rule: rule, What: err.Error(), Hint: hint})
}

func (c *collection) document(d document) {
	var n yaml.Node
	if err := yaml.Unmarshal([]byte(d.text), &n); err != nil {
		c.refuse(d.line+1, "", fmt.Errorf("not YAML: %s", strings.TrimPrefix(err.Error(), "yaml: ")), "lines are counted from the document's own beginning; look at blanks and quotes")
		return
	}
	if n.Kind != yaml.DocumentNode || len(n.Content) == 0 || n.Content[0].Tag == "!!null" {
		return
	}
	root := n.Content[0]
	left := maxNodes
	if !shift(root, d.line, &left, 0) {
		c.refuse(d.line+1, "", fmt.Errorf("the document is too large or nested too deep"), "split it")
		return
	}
	if root.Kind != yaml.MappingNode {
		c.refuse(d.line+1, "", fmt.Errorf("the document is not a map of title, logsource, detection"), "leave it out of the collection")
		return
	}
	switch action := text(root, "action"); action {
	case "global":
		c.global = merge(c.global, root)
		return
	case "reset":
		c.global, c.last = nil, nil
		return
	case "repeat":
		root = merge(c.last, root)
	case "":
		root = merge(c.global, root)
	default:
		c.refuse(root.Line, text(root, "title"), fmt.Errorf("action %q is not known", action), "global, repeat and reset are")
		return
	}
	c.last = root
	r, err := c.rule(root)
	if err != nil {
		c.refuse(root.Line, r.Key(), err, "mend the rule, or leave it out")
		return
	}
	c.rules = append(c.rules, r)
}

// shift makes lines count from the beginning of the file, and bounds what
// following aliases would cost.
func shift(n *yaml.Node, by int, left *int, depth int) bool {
	if *left--; *left < 0 || depth > 64 {
		return false
	}
	if n.Kind == yaml.AliasNode {
		return n.Alias != nil && size(n.Alias, left, depth)
	}
	n.Line += by
	for _, k := range n.Content {
		if !shift(k, by, left, depth+1) {
			return false
		}
	}
	return true
}

func size(n *yaml.Node, left *int, depth int) bool {
	if *left--; *left < 0 || depth > 64 {
		return false
	}
	if n.Kind == yaml.AliasNode {
		return n.Alias != nil && size(n.Alias, left, depth+1)
	}
	for _, k := range n.Content {
		if !size(k, left, depth+1) {
			return false
		}
	}
	return true
}

// merge puts the entries of b over those of a, maps within maps.
func merge(a, b *yaml.Node) *yaml.Node {
	if a == nil || a.Kind != yaml.MappingNode || b.Kind != yaml.MappingNode {
		return b
	}
	out := *b
	out.Content = append([]*yaml.Node(nil), a.Content...)
	for i := 0; i+1 < len(b.Content); i += 2 {
		k, v := b.Content[i], b.Content[i+1]
		found := false
		for j := 0; j+1 < len(out.Content); j += 2 {
			if out.Content[j].Value == k.Value {
				out.Content[j+1], found = merge(out.Content[j+1], v), true
			}
		}
		if !found {
			out.Content = append(out.Content, k, v)
		}
	}
	return &out
}

// get gives the value of a key in a map, nil if there is none.
func get(n *yaml.Node, key string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return aliased(n.Content[i+1])
		}
	}
	return nil
}

func text(n *yaml.Node, key string) string {
	v := get(n, key)
	if v == nil || v.Kind != yaml.ScalarNode || v.Tag == "!!null" {
		return ""
	}
	return strings.TrimSpace(v.Value)
}

// texts reads a list of texts, or one.
func texts(n *yaml.Node, key string) []string {
	v := get(n, key)
	switch {
	case v == nil || v.Tag == "!!null":
		return nil
	case v.Kind == yaml.ScalarNode:
		return []string{v.Value}
	}
	var out []string
	for _, e := range v.Content {
		if e = aliased(e); e.Kind == yaml.ScalarNode && v.Kind == yaml.SequenceNode {
			out = append(out, e.Value)
		}
	}
	return out
}

// rule reads one document. The rule comes back also with an error, to name it.
func (c *collection) rule(n *yaml.Node) (*Rule, error) {
	r := &Rule{
		ID: text(n, "id"), Name: text(n, "name"), Title: text(n, "title"), Status: text(n, "status"),
		Level: text(n, "level"), Description: text(n, "description"), Author: strings.Join(texts(n, "author"), ", "),
		License: text(n, "license"), Date: text(n, "date"), Modified: text(n, "modified"), Taxonomy: text(n, "taxonomy"),
		References: texts(n, "references"), FalsePositives: texts(n, "falsepositives"), Tags: texts(n, "tags"),
		Fields: texts(n, "fields"), File: c.file, Line: n.Line,
	}
	if r.License == "" {
		r.License = c.license
	}
	if l := get(n, "logsource"); l != nil {
		r.Logsource = Logsource{strings.ToLower(text(l, "product")), strings.ToLower(text(l, "category")), strings.ToLower(text(l, "service"))}
		r.Definition = text(l, "definition")
	}
	if r.Key() == "" {
		return r, fmt.Errorf("the rule has neither title nor id")
	}
	if r.Author == "" && strings.HasPrefix(r.License, "DRL") && get(n, "filter") == nil {
		return r, fmt.Errorf("the licence %s wants the author named with every match, and the rule names none", r.License)
	}
	var err error
	switch {
	case get(n, "correlation") != nil:
		r.Correlation, err = correlationOf(get(n, "correlation"))
		return r, err
	case get(n, "filter") != nil:
		return r, r.filter(get(n, "filter"))
	case get(n, "detection") == nil:
		return r, fmt.Errorf("there is none of detection, correlation and filter")
	case get(n, "logsource") == nil:
		return r, fmt.Errorf("there is no logsource")
	}
	if r.selections, r.conditions, err = detection(get(n, "detection")); err != nil {
		return r, err
	}
	return r, r.check()
}

// check builds the rule once; a missing placeholder is no mistake of the rule.
func (r *Rule) check() error {
	_, err := r.build(nil)
	var m missing
	if errors.As(err, &m) {
		return nil
	}
	return err
}

// filter reads the filter section. Its condition says what to leave out, as in
// the example of the specification: a match counts when the rule matches AND
// NOT the filter. A condition that is a negation as a whole was written for
// tools that join it with AND; taken at its word it would silence the rules
// for all but the exception, so it is refused.
func (r *Rule) filter(n *yaml.Node) error {
	f := &Filter{Rules: texts(n, "rules")}
	for _, name := range f.Rules {
		f.Any = f.Any || strings.EqualFold(name, "any")
	}
	if len(f.Rules) == 0 {
		return wrong(n, "the filter names no rules")
	}
	var err error
	if r.selections, r.conditions, err = detection(n, "rules"); err != nil {
		return err
	}
	for _, c := range r.conditions {
		if c.op == "not" {
			return wrong(n, "the condition of a filter says what to leave out; write it without the not in front")
		}
	}
	r.Filter = f
	return r.check()
}
