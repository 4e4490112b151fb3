// Package watch is what an agent looks for: up to millions of values and
// networks, with the names of those who asked. In memory are keys of eight bytes
// alone; the texts are in one file, read when a key hits.
package watch

import (
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"filo/internal/observable"

	"github.com/gaissmai/bart"
)

// Entry is one value that somebody asked to watch for. One value may have
// several names.
type Entry struct {
	Value observable.Value
	Name  string // of who asked: "alert/indicator"
}

// List is an open list. Many goroutines may match while one changes it; readers
// never wait for the disk.
type List struct {
	path string
	seed observable.Seed

	writing sync.Mutex // one change at a time
	mu      sync.RWMutex
	file    *file // nil: none yet
	keys    *observable.Filter
	added   map[observable.Value][]string
	gone    map[Entry]bool // of the file, taken back since it was written
	nets    *bart.Table[[]string]
	live    int
}

// maxDelta is how many changes wait in memory before the file is written anew.
const maxDelta = 20_000

// Open opens the list in dir, which need not exist. A damaged file is set aside
// and the list begins empty: the caller then asks for all of it again.
func Open(dir string, seed observable.Seed) (l *List, damaged bool, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, false, fmt.Errorf("watch list: %w", err)
	}
	l = &List{path: filepath.Join(dir, "watch"), seed: seed}
	half, _ := filepath.Glob(filepath.Join(dir, halfWritten+"*"))
	for _, p := range half { // a crash left them
		_ = os.Remove(p)
	}
	f, err := openFile(l.path)
	switch {
	case errors.Is(err, errDamaged):
		damaged = true
		err = os.Rename(l.path, l.path+".damaged")
	case errors.Is(err, fs.ErrNotExist):
		err = nil
	}
	if err == nil {
		err = l.adopt(f)
	}
	if err != nil {
		return nil, damaged, fmt.Errorf("watch list: %w", err)
	}
	return l, damaged, nil
}

// adopt makes a file, or nil, all that the list holds.
func (l *List) adopt(f *file) error {
	keys, nets, live := observable.NewFilter(maxDelta), new(bart.Table[[]string]), 0
	if f != nil {
		keys = observable.NewFilter(f.rows + maxDelta)
		if err := f.eachKey(func(k observable.Key) { keys.Add(k) }); err != nil {
			return err
		}
		live = f.rows
		for e, err := range f.networks() {
			if err != nil {
				return err
			}
			if insertNet(nets, e) {
				live++
			}
		}
	}
	l.mu.Lock()
	old := l.file
	l.file, l.keys, l.nets, l.live = f, keys, nets, live
	l.added, l.gone = map[observable.Value][]string{}, map[Entry]bool{}
	l.mu.Unlock()
	if old != nil && old != f {
		return old.Close()
	}
	return nil
}

// replace puts a written file in the place of the old one, which is closed
// before: Windows replaces no file that is open.
func (l *List) replace(written string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file != nil {
		l.file.Close()
		l.file = nil
	}
	err := os.Rename(written, l.path)
	f, opened := openFile(l.path) // the old one, where the new could not take its place
	if opened == nil {
		l.file = f
	} else if errors.Is(opened, fs.ErrNotExist) && err != nil {
		opened = nil
	}
	if err != nil {
		_ = os.Remove(written)
	}
	return errors.Join(err, opened)
}

func insertNet(t *bart.Table[[]string], e Entry) bool {
	p, err := netip.ParsePrefix(e.Value.Value)
	if err != nil {
		return false
	}
	names, _ := t.Get(p)
	if slices.Contains(names, e.Name) {
		return false
	}
	t.Insert(p, append(slices.Clone(names), e.Name))
	return true
}

// Close lets the file go.
func (l *List) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return nil
	}
	err := l.file.Close()
	l.file = nil
	return err
}

// Len counts the entries watched for.
func (l *List) Len() int {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.live
}

// Add watches for entries; what is in no normal form fails and the rest is
// taken. They are on disk once Save returned.
func (l *List) Add(list ...Entry) error {
	l.writing.Lock()
	defer l.writing.Unlock()
	if len(list) >= maxDelta {
		return l.addMany(list)
	}
	var bad error
	for _, e := range list {
		v, err := observable.Parse(e.Value.Kind, e.Value.Value)
		if err == nil {
			err = l.add(Entry{v, e.Name})
		}
		bad = errors.Join(bad, err)
	}
	return errors.Join(bad, l.fold())
}

// addMany writes the file anew with so many entries that they would not fit
// beside it.
func (l *List) addMany(list []Entry) error {
	var bad error
	err := l.save(func(yield func(Entry, error) bool) {
		for e, err := range l.entries() {
			if !yield(e, err) {
				return
			}
		}
		for _, e := range list {
			v, err := observable.Parse(e.Value.Kind, e.Value.Value)
			if err != nil {
				bad = errors.Join(bad, err)
				continue
			}
			e.Value = v
			if known, err := l.has(e); err != nil || !known {
				if !yield(e, err) {
					return
				}
			}
		}
	})
	return errors.Join(bad, err)
}

func (l *List) has(e Entry) (bool, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if e.Value.Kind == observable.Network {
		p, err := netip.ParsePrefix(e.Value.Value)
		names, _ := l.nets.Get(p)
		return slices.Contains(names, e.Name), err
	}
	k, ok := l.seed.Of(e.Value)
	if !ok || !l.keys.Has(k) {
		return false, nil
	}
	names, err := l.names(e.Value)
	return slices.Contains(names, e.Name), err
}

func (l *List) add(e Entry) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e.Value.Kind == observable.Network {
		if insertNet(l.nets, e) {
			l.live++
		}
		return nil
	}
	if l.gone[e] {
		delete(l.gone, e)
		l.live++
		return nil
	}
	names, err := l.names(e.Value)
	if err != nil || slices.Contains(names, e.Name) {
		return err
	}
	k, _ := l.seed.Of(e.Value)
	if !l.keys.Add(k) {
		return errFull // fold writes the file in time: this cannot happen
	}
	l.added[e.Value] = append(l.added[e.Value], e.Name)
	l.live++
	return nil
}

var errFull = errors.New("watch list: too many changes at once")

// Remove stops watching for entries.
func (l *List) Remove(list ...Entry) error {
	l.writing.Lock()
	defer l.writing.Unlock()
	for _, e := range list {
		v, err := observable.Parse(e.Value.Kind, e.Value.Value)
		if err != nil {
			continue // it was never added
		}
		if err := l.remove(Entry{v, e.Name}); err != nil {
			return err
		}
	}
	return l.fold()
}

func (l *List) remove(e Entry) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e.Value.Kind == observable.Network {
		p := netip.MustParsePrefix(e.Value.Value)
		names, _ := l.nets.Get(p)
		i := slices.Index(names, e.Name)
		if i < 0 {
			return nil
		}
		if names = slices.Delete(slices.Clone(names), i, i+1); len(names) == 0 {
			l.nets.Delete(p)
		} else {
			l.nets.Insert(p, names)
		}
		l.live--
		return nil
	}
	if i := slices.Index(l.added[e.Value], e.Name); i >= 0 {
		if l.added[e.Value] = slices.Delete(l.added[e.Value], i, i+1); len(l.added[e.Value]) == 0 {
			delete(l.added, e.Value)
		}
		l.live--
		return nil
	}
	names, err := l.names(e.Value)
	if err == nil && slices.Contains(names, e.Name) {
		l.gone[e] = true
		l.live--
	}
	return err
}

// names gives who watches for a value in normal form; the caller holds mu.
func (l *List) names(v observable.Value) ([]string, error) {
	out := slices.Clone(l.added[v])
	if l.file == nil {
		return out, nil
	}
	k, ok := l.seed.Of(v)
	if !ok {
		return out, nil
	}
	written, err := l.file.names(k, v)
	for _, n := range written {
		if !l.gone[Entry{v, n}] && !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	return out, err
}

// fold writes the file anew when many changes wait.
func (l *List) fold() error {
	if len(l.added)+len(l.gone) < maxDelta {
		return nil
	}
	return l.save(l.entries())
}

// Save brings every change to disk.
func (l *List) Save() error {
	l.writing.Lock()
	defer l.writing.Unlock()
	return l.save(l.entries())
}

// Replace makes entries all that is watched for, on disk when it returns. It
// reads them once and keeps none.
func (l *List) Replace(entries iter.Seq[Entry]) error {
	l.writing.Lock()
	defer l.writing.Unlock()
	return l.save(func(yield func(Entry, error) bool) {
		for e := range entries {
			v, err := observable.Parse(e.Value.Kind, e.Value.Value)
			if !yield(Entry{v, e.Name}, err) {
				return
			}
		}
	})
}

func (l *List) save(entries iter.Seq2[Entry, error]) error {
	written, err := writeFile(l.path, l.seed, entries)
	if err == nil {
		err = l.replace(written)
	}
	if err == nil {
		err = l.adopt(l.file)
	}
	if err != nil {
		return fmt.Errorf("watch list: %w", err)
	}
	return nil
}

// entries gives all that is watched for; the caller holds writing.
func (l *List) entries() iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		if l.file != nil {
			for e, err := range l.file.values() {
				if err == nil && l.gone[e] {
					continue
				}
				if !yield(e, err) || err != nil {
					return
				}
			}
		}
		for v, names := range l.added {
			for _, n := range names {
				if !yield(Entry{v, n}, nil) {
					return
				}
			}
		}
		for p, names := range l.nets.All() {
			for _, n := range names {
				if !yield(Entry{observable.Value{Kind: observable.Network, Value: p.String()}, n}, nil) {
					return
				}
			}
		}
	}
}

// Entries gives all that is watched for, in no order. The list must not be
// changed meanwhile by the same goroutine.
func (l *List) Entries() iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		l.writing.Lock()
		defer l.writing.Unlock()
		for e, err := range l.entries() {
			if !yield(e, err) {
				return
			}
		}
	}
}

// Hit is one value of a block that is watched for.
type Hit struct {
	Token observable.Token
	Value observable.Value // as the list has it: of a name, perhaps a domain above it
	Names []string
}

// Match adds to hits what the tokens of a block say that is watched for. When
// the file cannot be read the error is returned beside the hits found.
func (l *List) Match(block []byte, tokens []observable.Token, hits []Hit) ([]Hit, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	var bad error
	nets := l.nets.Size() > 0
	for _, t := range tokens {
		if l.keys.Has(t.Key) {
			if v, ok := t.Value(block); ok {
				names, err := l.names(v)
				bad = errors.Join(bad, err)
				if len(names) > 0 {
					hits = append(hits, Hit{t, v, names})
				}
			}
		}
		if nets && (t.Class == observable.ClassIPv4 || t.Class == observable.ClassIPv6) {
			hits = l.around(block, t, hits)
		}
	}
	return hits, bad
}

// around adds the networks around an address.
func (l *List) around(block []byte, t observable.Token, hits []Hit) []Hit {
	a, ok := t.Addr(block)
	if !ok || !l.nets.Contains(a) {
		return hits
	}
	for p, names := range l.nets.Supernets(netip.PrefixFrom(a, a.BitLen())) {
		hits = append(hits, Hit{t, observable.Value{Kind: observable.Network, Value: p.String()}, names})
	}
	return hits
}

// Keys gives the keys of every value, for a question to the look-back, with
// the values and names behind each. Networks have none: see Networks.
func (l *List) Keys() (map[observable.Key][]Entry, error) {
	out := make(map[observable.Key][]Entry, l.Len())
	for e, err := range l.Entries() {
		if err != nil {
			return nil, err
		}
		if k, ok := l.seed.Of(e.Value); ok {
			out[k] = append(out[k], e)
		}
	}
	return out, nil
}
