package spool

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
)

// Journal is a file of frames from which something in memory is made again
// after a crash. A frame is its length and CRC-32C, 4 bytes each, then its
// content; it is on disk when Append returns.
type Journal struct {
	f    *os.File
	size int64
}

// maxFrame bounds what one Append may write, in bytes.
const maxFrame = 64 << 20

// Whole asks OpenJournal for all that is whole.
const Whole = int64(1<<63 - 1)

// ErrDamaged says that a file does not hold what it must.
var ErrDamaged = errors.New("the file is damaged")

// CreateJournal makes a new, empty journal; the file must not exist.
func CreateJournal(path string) (*Journal, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	return &Journal{f: f}, nil
}

// OpenJournal gives every frame up to the size that the caller counts on to take,
// and cuts off the rest. It fails with ErrDamaged when less is whole than that, or
// when take reports that a frame makes no sense. With Whole it goes as far as
// frames are whole and make sense.
func OpenJournal(path string, counted int64, take func(frame []byte) bool) (*Journal, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	j := &Journal{f: f}
	if err := j.replay(counted, take); err != nil {
		f.Close()
		return nil, err
	}
	return j, nil
}

func (j *Journal) replay(counted int64, take func([]byte) bool) error {
	if err := j.read(counted, take); err != nil {
		return err
	}
	if counted != Whole && j.size < counted {
		return ErrDamaged
	}
	return j.f.Truncate(j.size)
}

func (j *Journal) read(counted int64, take func([]byte) bool) error {
	st, err := j.f.Stat()
	if err != nil {
		return err
	}
	limit := min(counted, st.Size())
	var head [8]byte
	for j.size+8 <= limit {
		if _, err := j.f.ReadAt(head[:], j.size); err != nil {
			return err
		}
		n := int64(binary.LittleEndian.Uint32(head[:]))
		if n > maxFrame || j.size+8+n > limit {
			break
		}
		b := make([]byte, n)
		if _, err := j.f.ReadAt(b, j.size+8); err != nil {
			return err
		}
		if crc32.Checksum(b, castagnoli) != binary.LittleEndian.Uint32(head[4:]) || !take(b) {
			break
		}
		j.size += 8 + n
	}
	return nil
}

// ReadJournal gives every whole frame of a journal that somebody else may be
// writing, and changes nothing.
func ReadJournal(path string, take func(frame []byte) bool) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return (&Journal{f: f}).read(Whole, take)
}

// Append writes one frame.
func (j *Journal) Append(frame []byte) error {
	if len(frame) > maxFrame {
		return fmt.Errorf("%s: a frame of %d bytes", j.f.Name(), len(frame))
	}
	b := make([]byte, 8, 8+len(frame))
	binary.LittleEndian.PutUint32(b, uint32(len(frame)))
	binary.LittleEndian.PutUint32(b[4:], crc32.Checksum(frame, castagnoli))
	if _, err := j.f.WriteAt(append(b, frame...), j.size); err != nil {
		return err
	}
	if err := j.f.Sync(); err != nil {
		return err
	}
	j.size += int64(8 + len(frame))
	return nil
}

// Size is how long the journal is: what the caller counts on at the next opening.
func (j *Journal) Size() int64 { return j.size }

// Close closes the file.
func (j *Journal) Close() { j.f.Close() }

// Remove closes and deletes the file.
func (j *Journal) Remove() error {
	j.f.Close()
	if err := os.Remove(j.f.Name()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
