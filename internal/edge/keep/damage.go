package keep

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"filo/internal/spool"
)

// aside reports whether a segment from one number to before another was set aside
// earlier: that the next follows none is no news.
func (k *Keeper) aside(from, to int) bool {
	for n := from; n < to; n++ {
		if _, err := os.Stat(filepath.Join(k.dir, segmentName(n)+".damaged")); err == nil {
			return true
		}
	}
	return false
}

// torn reports whether what follows the good frames of a segment is one that a
// crash left half written: it reaches the end, and no other comes after it.
func (k *Keeper) torn(n int, good int64) (bool, error) {
	f, err := os.Open(filepath.Join(k.dir, segmentName(n)))
	if err != nil {
		return false, err
	}
	defer f.Close()
	if _, err := f.Seek(good, io.SeekStart); err != nil {
		return false, err
	}
	rest, err := io.ReadAll(io.LimitReader(f, 2*segSize))
	if err != nil {
		return false, err
	}
	_, _, _, bad := readFrame(bytes.NewReader(rest))
	// A length that was changed may point behind the end, too.
	return errors.Is(bad, io.ErrUnexpectedEOF) && bytes.Count(rest, []byte(`{"prev":"`)) <= 1, nil
}

// cut takes off what does not hold of a segment; a copy of the whole is set aside
// unless a crash alone explains it.
func (k *Keeper) cut(n int, good int64, torn bool) error {
	path := filepath.Join(k.dir, segmentName(n))
	if !torn {
		if err := setAside(path); err != nil {
			return err
		}
	}
	if good == 0 && !torn {
		return os.Remove(path)
	}
	return os.Truncate(path, good)
}

// setAside copies a file beside itself, over none that was set aside before.
func setAside(path string) error {
	from, err := os.Open(path)
	if err != nil {
		return err
	}
	defer from.Close()
	name := path + ".damaged"
	to, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	for i := 2; errors.Is(err, os.ErrExist); i++ {
		to, err = os.OpenFile(fmt.Sprint(name, i), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	}
	if err != nil {
		return err
	}
	defer to.Close()
	if _, err := io.Copy(to, from); err != nil {
		return err
	}
	if err := errors.Join(to.Sync(), to.Close()); err != nil {
		return err
	}
	return spool.SyncDir(filepath.Dir(path))
}

// VerifyFolder checks the folder of an agent that may run meanwhile, and changes
// nothing.
func VerifyFolder(dir string) (int, error) { return (&Keeper{dir: dir}).Verify() }

// Verify reads every frame against its hash and the chain against itself; it
// gives how many frames hold, and every place where it does not, among them the
// segments that were set aside.
func (k *Keeper) Verify() (int, error) {
	list, err := k.segments()
	if err != nil {
		return 0, err
	}
	v := &Keeper{dir: k.dir}
	n := 0
	var bad error
	broken := true // the first may go on from frames that were pruned
	for _, seg := range list {
		_, frames, follows, err := v.read(seg)
		n += len(frames)
		if !follows && !broken {
			bad = errors.Join(bad, fmt.Errorf("%s, frame 1: the chain does not hold: %w", segmentName(seg), spool.ErrDamaged))
		}
		if broken = err != nil; broken {
			bad = errors.Join(bad, fmt.Errorf("%s, frame %d: the chain does not hold: %w", segmentName(seg), len(frames)+1, err))
		}
	}
	aside, err := filepath.Glob(filepath.Join(k.dir, "*.damaged*"))
	for _, name := range aside {
		bad = errors.Join(bad, fmt.Errorf("%s was set aside: %w", filepath.Base(name), spool.ErrDamaged))
	}
	return n, errors.Join(bad, err)
}
