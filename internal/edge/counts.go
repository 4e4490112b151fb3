package edge

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"filo/detection"
	"filo/internal/spool"
)

// countsMark says how much of which file belongs to what the state holds.
type countsMark struct {
	File string `json:"file"`
	Size int64  `json:"size"`
}

// counts keeps the engine's counts in a journal of what changed, written anew
// when it has become long.
type counts struct {
	dir     string
	mark    countsMark
	n       int
	journal *spool.Journal
	whole   int64  // size when it was last written anew
	old     string // replaced; deleted once the state names the new one
}

// minRewrite is the size below which a journal of counts is not written anew.
const minRewrite = 4 << 20

func countsFile(n int) string { return fmt.Sprintf("counts-%d.journal", n) }

// openCounts gives the engine the counts up to mark.
func openCounts(dir string, mark countsMark, g *detection.Engine) (*counts, error) {
	c := &counts{dir: dir, mark: mark}
	var err error
	if mark.File == "" {
		c.mark.File = countsFile(0)
		if err := os.Remove(filepath.Join(dir, c.mark.File)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
	} else if _, err := fmt.Sscanf(mark.File, "counts-%d.journal", &c.n); err != nil {
		return nil, fmt.Errorf("%s names %q, which is no journal of counts", stateFile, mark.File)
	}
	c.journal, err = spool.OpenJournal(filepath.Join(dir, c.mark.File), mark.Size, func(frame []byte) bool {
		var list []detection.Saved
		for line := range bytes.Lines(frame) {
			var s detection.Saved
			if json.Unmarshal(line, &s) != nil {
				return false
			}
			list = append(list, s)
		}
		g.Restore(list)
		return true
	})
	if errors.Is(err, spool.ErrDamaged) {
		// What was counted so far is lost; the findings themselves are at the node.
		if err := os.Rename(filepath.Join(dir, c.mark.File), filepath.Join(dir, c.mark.File+".damaged")); err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
		return openCounts(dir, countsMark{File: countsFile(c.n + 1)}, g)
	}
	return c, err
}

// save brings what changed to disk; the caller then keeps the mark.
func (c *counts) save(g *detection.Engine) (countsMark, error) {
	if size := c.journal.Size(); size > minRewrite && size > 4*c.whole {
		return c.rewrite(g)
	}
	if b := g.Changed(false); len(b) > 0 {
		if err := appendLines(c.journal, b); err != nil {
			return c.mark, err
		}
	}
	c.mark.Size = c.journal.Size()
	return c.mark, nil
}

func (c *counts) rewrite(g *detection.Engine) (countsMark, error) {
	name := countsFile(c.n + 1)
	path := filepath.Join(c.dir, name)
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return c.mark, err
	}
	j, err := spool.CreateJournal(path)
	if err != nil {
		return c.mark, err
	}
	if b := g.Changed(true); len(b) > 0 {
		if err := appendLines(j, b); err != nil {
			return c.mark, errors.Join(err, j.Remove())
		}
	}
	c.journal.Close()
	c.old = c.mark.File
	c.n++
	c.journal, c.whole, c.mark = j, j.Size(), countsMark{name, j.Size()}
	return c.mark, nil
}

// maxFrame is how much goes into one frame of the journal.
const maxFrame = 8 << 20

// appendLines writes lines in frames that the journal takes, however many
// sources a flood has. Only at the last is there a mark: a kill in between
// leaves what was before.
func appendLines(j *spool.Journal, b []byte) error {
	for len(b) > 0 {
		n := len(b)
		if n > maxFrame {
			if n = bytes.LastIndexByte(b[:maxFrame], '\n') + 1; n == 0 {
				n = len(b)
			}
		}
		if err := j.Append(b[:n]); err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

// kept deletes the file that the state no longer names.
func (c *counts) kept() error {
	if c.old == "" {
		return nil
	}
	err := os.Remove(filepath.Join(c.dir, c.old))
	c.old = ""
	return err
}

func (c *counts) close() { c.journal.Close() }

// chainsFile holds what the correlations remember; it is written every minute,
// and what they saw since is forgotten by a crash.
const chainsFile = "chains.json"

func saveChains(dir string, g *detection.Engine) error {
	b, err := json.Marshal(g.Chains())
	if err != nil {
		return err
	}
	return spool.WriteFile(filepath.Join(dir, chainsFile), b)
}

func loadChains(dir string, g *detection.Engine) error {
	b, err := os.ReadFile(filepath.Join(dir, chainsFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var saved [][]byte
	if json.Unmarshal(b, &saved) == nil {
		g.RestoreChains(saved)
	}
	return nil
}
