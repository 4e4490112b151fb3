package pattern

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// Observation is one observed-data object: what was seen, how often, between
// which instants. Roots are the objects it refers to; Objects holds those and
// all that they refer to.
type Observation struct {
	ID          string
	Number      int // number_observed
	First, Last time.Time
	Roots       []string
	Objects     map[string]map[string]any
}

// Limits of a bundle.
const (
	MaxBundle  = 100 << 20
	maxObjects = 1_000_000
)

// ReadBundle reads the observed data of a STIX bundle, 2.1 (object_refs) or 2.0
// (objects inside the observation), or of a list of bundles or observations.
func ReadBundle(r io.Reader) ([]Observation, error) {
	b, err := io.ReadAll(io.LimitReader(r, MaxBundle+1))
	if err != nil {
		return nil, err
	}
	if len(b) > MaxBundle {
		return nil, fmt.Errorf("the bundle is larger than %d MB", MaxBundle>>20)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var x any
	if err := d.Decode(&x); err != nil {
		return nil, fmt.Errorf("the bundle is no JSON: %w", err)
	}
	var all []map[string]any
	if err := flatten(x, &all, 0); err != nil {
		return nil, err
	}
	byID := make(map[string]map[string]any, len(all))
	for _, o := range all {
		if id, _ := o["id"].(string); id != "" {
			byID[id] = o
		}
	}
	var out []Observation
	for _, o := range all {
		if o["type"] != "observed-data" {
			continue
		}
		ob, err := observation(o, byID)
		if err != nil {
			return nil, err
		}
		out = append(out, ob)
	}
	return out, nil
}

// flatten gives the objects of bundles and lists.
func flatten(x any, out *[]map[string]any, depth int) error {
	if depth > 4 || len(*out) > maxObjects {
		return errors.New("the bundle is nested too deeply or too large")
	}
	switch t := x.(type) {
	case []any:
		for _, e := range t {
			if err := flatten(e, out, depth+1); err != nil {
				return err
			}
		}
	case map[string]any:
		if t["type"] == "bundle" {
			return flatten(t["objects"], out, depth+1)
		}
		*out = append(*out, t)
	}
	return nil
}

func observation(o map[string]any, byID map[string]map[string]any) (Observation, error) {
	ob := Observation{Number: 1, Objects: byID}
	ob.ID, _ = o["id"].(string)
	if n, ok := o["number_observed"].(json.Number); ok {
		if i, err := n.Int64(); err == nil {
			ob.Number = int(min(max(i, 1), 999_999_999))
		}
	}
	for key, dest := range map[string]*time.Time{"first_observed": &ob.First, "last_observed": &ob.Last} {
		s, _ := o[key].(string)
		t, ok := instant(s)
		if !ok {
			return ob, fmt.Errorf("%s: %s is %q, not a time", ob.ID, key, s)
		}
		*dest = t
	}
	if refs, ok := o["object_refs"].([]any); ok {
		for _, r := range refs {
			if id, _ := r.(string); byID[id] != nil {
				ob.Roots = append(ob.Roots, id)
			}
		}
		return ob, nil
	}
	objects, _ := o["objects"].(map[string]any)
	ob.Objects = make(map[string]map[string]any, len(objects))
	for id, x := range objects {
		if m, ok := x.(map[string]any); ok {
			ob.Objects[id] = m
			ob.Roots = append(ob.Roots, id)
		}
	}
	slices.Sort(ob.Roots)
	return ob, nil
}

// maxHops limits how many references one path may follow.
const maxHops = 16

// walk gives every value that the steps lead to from x, with the name of the
// property that holds it; a name that ends in _ref or _refs leads on to the
// object it names. yield returns false to stop.
func walk(o Observation, x any, steps []Step, key string, hops int, yield func(key string, x any) bool) bool {
	if len(steps) == 0 {
		return yield(key, x)
	}
	s := steps[0]
	if s.List {
		switch t := x.(type) {
		case []any:
			for i, e := range t {
				if s.Any || i == s.Index {
					if !walk(o, e, steps[1:], key, hops, yield) {
						return false
					}
				}
			}
		case map[string]any: // [*] of a dictionary: each of its values
			if s.Any {
				for k, e := range t {
					if !walk(o, e, steps[1:], k, hops, yield) {
						return false
					}
				}
			}
		}
		return true
	}
	if id, ok := x.(string); ok && (strings.HasSuffix(key, "_ref") || strings.HasSuffix(key, "_refs")) {
		if hops >= maxHops {
			return true
		}
		x, hops = any(o.Objects[id]), hops+1
	}
	m, ok := x.(map[string]any)
	if !ok {
		return true
	}
	e, ok := m[s.Key]
	if !ok {
		return true
	}
	return walk(o, e, steps[1:], s.Key, hops, yield)
}
