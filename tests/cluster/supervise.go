// The one process that stays: it starts the cluster's programs in the cluster's namespaces, writes their logs and starts
// again what ends. When it dies its children die with it.
package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const restartAfter = time.Second

// Folders of fixed name that the kubelet, containerd and CNI plugins write to. Each cluster sees its own, in memory.
var privateFolders = []string{"/run/containerd", "/var/lib/cni", "/var/lib/kubelet", "/var/log/containers"}

// Starts the supervisor on its own, in the cluster's network namespace and a mount namespace that nobody else has.
func startSupervisor(c *cluster) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	log, err := os.OpenFile(c.path("logs", "supervisor.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	command := exec.Command(self, "supervise", "--name", c.Name)
	command.Dir = c.dir
	command.Stdout, command.Stderr = log, log
	// Go makes a new mount namespace private, so what is mounted in there never shows outside.
	command.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Unshareflags: syscall.CLONE_NEWNS}
	started := make(chan error)
	go func() {
		// Never unlocked: a thread that has changed its namespace ends with its goroutine.
		runtime.LockOSThread()
		namespace, err := os.Open(namespacePath(c))
		if err != nil {
			started <- err
			return
		}
		defer namespace.Close()
		if err := unix.Setns(int(namespace.Fd()), unix.CLONE_NEWNET); err != nil {
			started <- fmt.Errorf("entering %s: %w", namespacePath(c), err)
			return
		}
		started <- command.Start()
	}()
	if err := <-started; err != nil {
		return err
	}
	return command.Process.Release()
}

func supervise(ctx context.Context, c *cluster) error {
	if err := enterCgroups(c); err != nil {
		return err
	}
	for _, folder := range privateFolders {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return err
		}
		if err := unix.Mount("companion", folder, "tmpfs", 0, "mode=0755"); err != nil {
			return fmt.Errorf("mounting %s: %w", folder, err)
		}
	}
	if err := os.WriteFile(pidFile(c, "supervisor"), []byte(strconv.Itoa(os.Getpid())), 0o644); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	for _, component := range components(c, self) {
		go keepRunning(ctx, c, component)
	}
	<-ctx.Done()
	return nil
}

func keepRunning(ctx context.Context, c *cluster, part component) {
	// The kernel sends Pdeathsig when the thread that started a child ends, so that thread must be this goroutine's own.
	runtime.LockOSThread()
	for ctx.Err() == nil {
		if part.needs != nil && waitFor(ctx, part.name, part.needs) != nil {
			return
		}
		err := runComponent(c, part)
		fmt.Printf("%s %s ended (%v), starts again in %s\n", time.Now().Format(time.RFC3339), part.name, err, restartAfter)
		time.Sleep(restartAfter)
	}
}

func runComponent(c *cluster, part component) error {
	log, err := os.OpenFile(c.path("logs", part.name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	command := exec.Command(part.command[0], part.command[1:]...)
	command.Dir = c.dir
	command.Stdout, command.Stderr = log, log
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := command.Start(); err != nil {
		return err
	}
	if err := os.WriteFile(pidFile(c, part.name), []byte(strconv.Itoa(command.Process.Pid)), 0o644); err != nil {
		return err
	}
	return command.Wait()
}

func pidFile(c *cluster, name string) string { return filepath.Join(c.dir, "run", name+".pid") }
