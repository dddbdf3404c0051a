/* Loses the GPU to the process that this library is preloaded into.
 *
 * It waits for the file that LOSE_GPU_WHEN names. Then a kernel that traps is run in the context that
 * the process computes in, after which CUDA refuses everything else that the process asks of it, as it
 * does after a fault of the card or of its driver.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char KERNEL[] =
    ".version 7.0\n.target sm_75\n.address_size 64\n.visible .entry lose()\n{\n  trap;\n}\n";

typedef int (*call)();

static void *library;

static call named(const char *name)
{
    call found = (call)dlsym(library, name);
    if (!found) {
        fprintf(stderr, "lose_gpu: the driver has no %s\n", name);
        exit(70);
    }
    return found;
}

static void must(const char *what, int code)
{
    if (code) {
        fprintf(stderr, "lose_gpu: %s answered %d\n", what, code);
        exit(70);
    }
}

static void *lose(void *file)
{
    void *context, *module, *kernel;
    int device;

    while (access(file, F_OK))
        usleep(20 * 1000);
    library = dlopen("libcuda.so.1", RTLD_NOW);
    if (!library) {
        fprintf(stderr, "lose_gpu: %s\n", dlerror());
        exit(70);
    }
    must("cuInit", named("cuInit")(0));
    must("cuDeviceGet", named("cuDeviceGet")(&device, 0));
    must("cuDevicePrimaryCtxRetain", named("cuDevicePrimaryCtxRetain")(&context, device));
    must("cuCtxSetCurrent", named("cuCtxSetCurrent")(context));
    must("cuModuleLoadData", named("cuModuleLoadData")(&module, KERNEL));
    must("cuModuleGetFunction", named("cuModuleGetFunction")(&kernel, module, "lose"));
    must("cuLaunchKernel",
         named("cuLaunchKernel")(kernel, 1, 1, 1, 1, 1, 1, 0, NULL, NULL, NULL));
    int lost = named("cuCtxSynchronize")();
    fprintf(stderr, "lose_gpu: the kernel ended with %d\n", lost);
    return NULL;
}

__attribute__((constructor)) static void begin(void)
{
    pthread_t thread;
    char *file = getenv("LOSE_GPU_WHEN");
    if (file && !pthread_create(&thread, NULL, lose, file))
        pthread_detach(thread);
}
