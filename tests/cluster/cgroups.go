// The cluster's control groups: one folder per hierarchy that holds the supervisor, its children and every pod. Being
// in it is what makes a process the cluster's, so stopping the cluster is to end whatever is in it.
package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const cgroupRoot = "/sys/fs/cgroup"

func (c *cluster) cgroup() string { return "companion-" + c.Name }

// The mounted hierarchies: one on cgroup v2, one per controller on v1 (and both in between).
func hierarchies() ([]string, error) {
	if _, err := os.Stat(filepath.Join(cgroupRoot, "cgroup.procs")); err == nil {
		return []string{cgroupRoot}, nil
	}
	found, err := filepath.Glob(filepath.Join(cgroupRoot, "*", "cgroup.procs"))
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("%s: no control groups are mounted", cgroupRoot)
	}
	for i := range found {
		found[i] = filepath.Dir(found[i])
	}
	return found, nil
}

// Makes the cluster's groups and moves the calling process into the one that marks the cluster's own programs.
func enterCgroups(c *cluster) error {
	roots, err := hierarchies()
	if err != nil {
		return err
	}
	for _, root := range roots {
		if err := os.MkdirAll(filepath.Join(root, c.cgroup()), 0o755); err != nil {
			return err
		}
		if err := copyCpuset(root, filepath.Join(root, c.cgroup())); err != nil {
			return err
		}
	}
	// On v1 the kubelet compares a process's groups between controllers, so only one that it does not read marks ours.
	root := filepath.Join(cgroupRoot, "pids")
	if _, err := os.Stat(root); err != nil {
		root = roots[0]
	}
	system := filepath.Join(root, c.cgroup(), "system")
	if err := os.MkdirAll(system, 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(system, "cgroup.procs"), []byte(strconv.Itoa(os.Getpid())), 0)
}

// A new v1 cpuset is empty and takes no process until it is told its processors and memory.
func copyCpuset(parent, child string) error {
	for _, file := range []string{"cpuset.cpus", "cpuset.mems"} {
		value, err := os.ReadFile(filepath.Join(parent, file))
		if err != nil || filepath.Base(parent) != "cpuset" {
			continue
		}
		if err := os.WriteFile(filepath.Join(child, file), value, 0); err != nil {
			return err
		}
	}
	return nil
}

// Every process of the cluster, its pods' included.
func processes(c *cluster) ([]int, error) {
	roots, err := hierarchies()
	if err != nil {
		return nil, err
	}
	found := map[int]bool{}
	for _, root := range roots {
		walkGroups(filepath.Join(root, c.cgroup()), func(group string) {
			text, _ := os.ReadFile(filepath.Join(group, "cgroup.procs"))
			for _, word := range strings.Fields(string(text)) {
				if pid, err := strconv.Atoi(word); err == nil && pid > 0 {
					found[pid] = true
				}
			}
		})
	}
	pids := make([]int, 0, len(found))
	for pid := range found {
		pids = append(pids, pid)
	}
	return pids, nil
}

// Ends every process of the cluster and removes its groups. The first round takes the supervisor, so nothing comes back.
func endProcesses(ctx context.Context, c *cluster) error {
	err := waitFor(ctx, "ending the cluster's processes", func(context.Context) error {
		pids, err := processes(c)
		if err != nil {
			return err
		}
		for _, pid := range pids {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		if len(pids) > 0 {
			return fmt.Errorf("%d left", len(pids))
		}
		return nil
	})
	if err != nil {
		return err
	}
	roots, err := hierarchies()
	if err != nil {
		return err
	}
	short, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	return waitFor(short, "removing the cluster's control groups", func(context.Context) error {
		var failures []error
		for _, root := range roots {
			var groups []string
			walkGroups(filepath.Join(root, c.cgroup()), func(group string) { groups = append(groups, group) })
			for i := len(groups) - 1; i >= 0; i-- {
				failures = append(failures, os.Remove(groups[i]))
			}
		}
		return errors.Join(failures...)
	})
}

// Visits a group and those below it, parents first; a group that vanishes on the way is passed over.
func walkGroups(top string, visit func(group string)) {
	_ = filepath.WalkDir(top, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			visit(path)
		}
		return nil
	})
}
